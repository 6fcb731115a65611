// SPDX-License-Identifier: Apache-2.0
#include "host/model/tensor_type.h"

#include <fmt/core.h>

#include "host/model/tensor_read.h"

namespace fllm {
namespace {

constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 62;

/// By number, from enum ggml_type in ggml.h; GGML keeps the numbers of removed types free.
constexpr std::array<std::string_view, 42> kGgufTypeNames = {
    "F32",        "F16",        "Q4_0",       "Q4_1",  "Q4_2",     "Q4_3",     "Q5_0",     "Q5_1",    "Q8_0",
    "Q8_1",       "Q2_K",       "Q3_K",       "Q4_K",  "Q5_K",     "Q6_K",     "Q8_K",     "IQ2_XXS", "IQ2_XS",
    "IQ3_XXS",    "IQ1_S",      "IQ4_NL",     "IQ3_S", "IQ2_S",    "IQ4_XS",   "I8",       "I16",     "I32",
    "I64",        "F64",        "IQ1_M",      "BF16",  "Q4_0_4_4", "Q4_0_4_8", "Q4_0_8_8", "TQ1_0",   "TQ2_0",
    "IQ4_NL_4_4", "IQ4_NL_4_8", "IQ4_NL_8_8", "MXFP4", "NVFP4",    "Q1_0"};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kTensorTypes.size(); ++i) {
    const TensorTypeFacts& facts = kTensorTypes[i];
    if (facts.type != static_cast<TensorType>(i) || facts.name != kGgufTypeNames[facts.gguf_type]) return false;
  }
  return true;
}
static_assert(in_order());

}  // namespace

std::optional<TensorType> type_of_gguf(std::uint32_t number) {
  for (const TensorTypeFacts& facts : kTensorTypes) {
    if (facts.gguf_type == number) return facts.type;
  }
  return std::nullopt;
}

std::string_view gguf_type_name(std::uint32_t number) {
  return number < kGgufTypeNames.size() ? kGgufTypeNames[number] : "unknown";
}

std::optional<std::string> shape_problem(TensorType type, const std::vector<std::int64_t>& shape) {
  const TensorTypeFacts& facts = facts_of(type);
  const std::optional<std::int64_t> count = element_count(shape);
  if (!count || static_cast<std::uint64_t>(*count) / facts.elements > kMaxBytes / facts.bytes) {
    return fmt::format("shape {}: more than 2^62 elements or bytes", shape_text(shape));
  }
  const std::int64_t innermost = shape.empty() ? 1 : shape.back();
  if (innermost % facts.elements != 0) {
    return fmt::format("shape {}: the innermost dimension of a {} tensor must be a multiple of {}", shape_text(shape),
                       facts.name, facts.elements);
  }
  return std::nullopt;
}

std::uint64_t tensor_bytes(TensorType type, const std::vector<std::int64_t>& shape) {
  const TensorTypeFacts& facts = facts_of(type);
  return static_cast<std::uint64_t>(*element_count(shape)) / facts.elements * facts.bytes;
}

}  // namespace fllm
