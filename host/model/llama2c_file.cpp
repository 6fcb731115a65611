// SPDX-License-Identifier: Apache-2.0
#include "host/model/llama2c_file.h"

#include <fmt/core.h>

#include "fundamentallm/result.h"
#include "host/model/config_fields.h"
#include "host/model/tensor_type.h"
#include "host/util/bad_file.h"
#include "host/util/byte_reader.h"
#include "host/util/violations.h"

namespace fllm {
namespace {

constexpr std::uint64_t kHeaderBytes = 7 * sizeof(std::int32_t);
constexpr std::uint32_t kVersionedMagic = 0x616b3432;  // "ak42": the formats from version 1 on

void check_ranges(const Llama2cHeader& header, const std::string& source) {
  Violations violations;
  const auto within = [&](std::string_view name, std::int32_t value, std::int32_t most) {
    violations.require(value >= 1 && value <= most, name, value, fmt::format("must be in [1, {}]", most));
  };
  within("dim", header.dim, kMostWidth);
  within("hidden_dim", header.hidden_dim, kMostFfnWidth);
  within("n_layers", header.n_layers, kMostLayers);
  within("n_heads", header.n_heads, kMostWidth);
  within("n_kv_heads", header.n_kv_heads, kMostWidth);
  within("vocab_size", header.vocab_size, kMostTokens);
  within("seq_len", header.seq_len, kMostTokens);
  if (header.n_heads >= 1) {
    violations.require(header.dim % header.n_heads == 0 && header.dim / header.n_heads % 2 == 0, "dim", header.dim,
                       fmt::format("must be n_heads, {}, times an even number", header.n_heads));
  }
  if (header.n_kv_heads >= 1) {
    violations.require(header.n_heads % header.n_kv_heads == 0, "n_kv_heads", header.n_kv_heads,
                       fmt::format("must divide n_heads, {}", header.n_heads));
  }
  if (violations.lines().empty()) return;
  std::string text = "not a model of llama2.c";
  for (const std::string& line : violations.lines()) text += "\n  " + line;
  bad_file(source, text);
}

Llama2cHeader read_header(std::span<const std::byte> file, const std::string& source) {
  ByteReader reader(file, source);
  Llama2cHeader header;
  header.dim = reader.take<std::int32_t>("dim");
  if (static_cast<std::uint32_t>(header.dim) == kVersionedMagic) {
    throw Exception(ErrorCode::kUnsupported,
                    fmt::format("{}: in a format of llama2.c from version 1 on; export it with --version 0", source));
  }
  header.hidden_dim = reader.take<std::int32_t>("hidden_dim");
  header.n_layers = reader.take<std::int32_t>("n_layers");
  header.n_heads = reader.take<std::int32_t>("n_heads");
  header.n_kv_heads = reader.take<std::int32_t>("n_kv_heads");
  header.vocab_size = reader.take<std::int32_t>("vocab_size");
  header.seq_len = reader.take<std::int32_t>("seq_len");
  header.shared_classifier = header.vocab_size > 0;
  // The one negative number without a positive one stays negative, and is refused.
  if (header.vocab_size < 0 && header.vocab_size >= -kMostTokens) header.vocab_size = -header.vocab_size;
  check_ranges(header, source);
  return header;
}

/// One of the stacks of equal tensors that make up the file.
struct Stack {
  std::string_view name;
  std::vector<std::int64_t> shape;  // of one tensor
  std::int64_t count = 1;           // of tensors; in layers, each gets its number
  bool in_layers = true;
};

std::vector<Stack> stacks_of(const Llama2cHeader& h) {
  const std::int64_t layers = h.n_layers;
  std::vector<Stack> stacks = {
      {"token_embedding_table", {h.vocab_size, h.dim}, 1, false},
      {"rms_att_weight", {h.dim}, layers},
      {"wq", {h.dim, h.dim}, layers},
      {"wk", {h.kv_dim(), h.dim}, layers},
      {"wv", {h.kv_dim(), h.dim}, layers},
      {"wo", {h.dim, h.dim}, layers},
      {"rms_ffn_weight", {h.dim}, layers},
      {"w1", {h.hidden_dim, h.dim}, layers},
      {"w2", {h.dim, h.hidden_dim}, layers},
      {"w3", {h.hidden_dim, h.dim}, layers},
      {"rms_final_weight", {h.dim}, 1, false},
      {"", {h.seq_len, h.head_size()}, 1, false}};  // freq_cis_real and _imag, half as wide each
  if (!h.shared_classifier) stacks.push_back({"wcls", {h.vocab_size, h.dim}, 1, false});
  return stacks;
}

void check_size(const std::vector<Stack>& stacks, std::uint64_t file_bytes, const std::string& source) {
  std::uint64_t expected = kHeaderBytes;
  for (const Stack& stack : stacks) {
    expected += static_cast<std::uint64_t>(stack.count) * tensor_bytes(TensorType::kF32, stack.shape);
  }
  if (file_bytes != expected) {
    bad_file(source, fmt::format("has {} bytes, where its header asks for {}", file_bytes, expected));
  }
}

std::vector<TensorInfo> tensors_of(const std::vector<Stack>& stacks) {
  std::vector<TensorInfo> tensors;
  std::uint64_t offset = kHeaderBytes;
  for (const Stack& stack : stacks) {
    const std::uint64_t bytes = tensor_bytes(TensorType::kF32, stack.shape);
    for (std::int64_t i = 0; i < stack.count; ++i, offset += bytes) {
      if (stack.name.empty()) continue;
      const std::string name = stack.in_layers ? fmt::format("{}.{}", stack.name, i) : std::string(stack.name);
      tensors.push_back({name, stack.shape, TensorType::kF32, offset, bytes});
    }
  }
  return tensors;
}

}  // namespace

Llama2cFile::Llama2cFile(const std::string& source, std::vector<MappedFile> files, const Llama2cHeader& header)
    : MappedTensors(source, std::move(files), tensors_of(stacks_of(header))), header_(header) {}

Llama2cFile Llama2cFile::parse(MappedFile file) {
  const std::string source = file.name();
  const Llama2cHeader header = read_header(file.bytes(), source);
  check_size(stacks_of(header), file.bytes().size(), source);
  std::vector<MappedFile> files;
  files.push_back(std::move(file));
  return {source, std::move(files), header};
}

Llama2cFile Llama2cFile::open(const std::string& path) { return parse(MappedFile::open(path)); }

Llama2cFile Llama2cFile::from_memory(std::span<const std::byte> bytes, const std::string& source) {
  return parse(MappedFile::over(bytes, source));
}

}  // namespace fllm
