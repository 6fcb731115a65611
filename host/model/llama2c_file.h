// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "host/model/mapped_tensors.h"

namespace fllm {

/// The seven numbers a file of llama2.c begins with.
struct Llama2cHeader {
  std::int32_t dim = 0;         // of the residual stream, n_heads * an even head size
  std::int32_t hidden_dim = 0;  // of the feed-forward layer
  std::int32_t n_layers = 0;
  std::int32_t n_heads = 0;
  std::int32_t n_kv_heads = 0;  // divides n_heads
  std::int32_t vocab_size = 0;
  std::int32_t seq_len = 0;
  bool shared_classifier = true;  // the output layer is token_embedding_table; else there is wcls

  [[nodiscard]] std::int32_t head_size() const { return dim / n_heads; }
  [[nodiscard]] std::int32_t kv_dim() const { return head_size() * n_kv_heads; }
};

/// A model file of llama2.c (github.com/karpathy/llama2.c, run.c and legacy_export of export.py), fp32, mapped into memory.
/// Tensors have llama2.c's names, those of a layer with its number: token_embedding_table [vocab, dim]; rms_att_weight.0
/// [dim], wq.0 [dim, dim], wk.0 and wv.0 [kv_dim, dim], wo.0 [dim, dim], rms_ffn_weight.0 [dim], w1.0 and w3.0 [hidden,
/// dim], w2.0 [dim, hidden]; rms_final_weight [dim]; wcls [vocab, dim] unless the classifier is shared. The rotary tables
/// (freq_cis) are left out: they follow from the header. Query and key rows are in the order of interleaved rotation.
class Llama2cFile final : public MappedTensors {
 public:
  /// Exception: kNotFound, kIo; kBadFormat: numbers out of range, all at once, or another size than they ask for;
  /// kUnsupported: a later format of export.py.
  [[nodiscard]] static Llama2cFile open(const std::string& path);
  /// Views the bytes, which must outlive it.
  [[nodiscard]] static Llama2cFile from_memory(std::span<const std::byte> bytes, const std::string& source);

  [[nodiscard]] const Llama2cHeader& header() const { return header_; }

 private:
  static Llama2cFile parse(MappedFile file);
  Llama2cFile(const std::string& source, std::vector<MappedFile> files, const Llama2cHeader& header);

  Llama2cHeader header_;
};

}  // namespace fllm
