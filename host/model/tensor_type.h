// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/model/tensor_source.h"

namespace fllm {

struct TensorTypeFacts {
  TensorType type = TensorType::kF32;
  std::string_view name;        // GGML's
  std::uint32_t elements = 1;   // of a block; a block lies within the innermost dimension
  std::uint32_t bytes = 0;      // of a block
  std::uint32_t gguf_type = 0;  // GGML's number, as a GGUF stores it
};

/// Every type that can be read, in the order of TensorType. Block formats: ggml/src/ggml-common.h.
inline constexpr std::array<TensorTypeFacts, 11> kTensorTypes = {{
    {TensorType::kF64, "F64", 1, 8, 28},
    {TensorType::kF32, "F32", 1, 4, 0},
    {TensorType::kF16, "F16", 1, 2, 1},
    {TensorType::kBF16, "BF16", 1, 2, 30},
    {TensorType::kQ4_0, "Q4_0", 32, 2 + 16, 2},
    {TensorType::kQ4_1, "Q4_1", 32, 2 + 2 + 16, 3},
    {TensorType::kQ5_0, "Q5_0", 32, 2 + 4 + 16, 6},
    {TensorType::kQ5_1, "Q5_1", 32, 2 + 2 + 4 + 16, 7},
    {TensorType::kQ8_0, "Q8_0", 32, 2 + 32, 8},
    {TensorType::kQ4_K, "Q4_K", 256, 2 + 2 + 12 + 128, 12},
    {TensorType::kQ6_K, "Q6_K", 256, 128 + 64 + 16 + 2, 14},
}};

[[nodiscard]] constexpr const TensorTypeFacts& facts_of(TensorType type) {
  return kTensorTypes[static_cast<std::size_t>(type)];
}

/// The type a GGUF means by this number, where it can be read.
[[nodiscard]] std::optional<TensorType> type_of_gguf(std::uint32_t number);
/// GGML's name for it, of any type it has or once had; "unknown" for other numbers.
[[nodiscard]] std::string_view gguf_type_name(std::uint32_t number);

/// Why a tensor of this type cannot have this shape (outermost dimension first, none negative), or empty: the innermost
/// dimension is no multiple of the type's block, or there are more than 2^62 elements or bytes.
[[nodiscard]] std::optional<std::string> shape_problem(TensorType type, const std::vector<std::int64_t>& shape);
/// Precondition: shape_problem() is empty.
[[nodiscard]] std::uint64_t tensor_bytes(TensorType type, const std::vector<std::int64_t>& shape);

}  // namespace fllm
