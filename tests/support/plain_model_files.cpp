// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "tests/support/plain_model.h"

namespace fllm::test {
namespace {

/// Adds what is there.
void put(MemorySource& source, const std::string& name, const PlainMatrix& matrix) {
  if (!matrix.values.empty()) source.add(name, {matrix.rows, matrix.cols}, matrix.values);
}
void put_vector(MemorySource& source, const std::string& name, const PlainMatrix& vector) {
  if (!vector.values.empty()) source.add(name, {vector.cols}, vector.values);
}

/// Rows of each head in the order 0, n, 1, n + 1, …: what makes halves into neighbours.
PlainMatrix interleaved(const PlainMatrix& matrix, const ModelConfig& config) {
  PlainMatrix result = matrix;
  const std::int64_t dim = config.head_dim, pairs = config.rotary.dimensions / 2;
  for (std::int64_t head = 0; head < matrix.rows / dim; ++head) {
    for (std::int64_t i = 0; i < 2 * pairs; ++i) {
      const std::int64_t from = head * dim + (i % 2 == 0 ? i / 2 : pairs + i / 2), to = head * dim + i;
      std::copy_n(matrix.values.begin() + from * matrix.cols, matrix.cols, result.values.begin() + to * matrix.cols);
    }
  }
  return result;
}

PlainMatrix transposed(const PlainMatrix& matrix) {
  PlainMatrix result{matrix.cols, matrix.rows, {}};
  for (std::int64_t c = 0; c < matrix.cols; ++c) {
    for (std::int64_t r = 0; r < matrix.rows; ++r) {
      result.values.push_back(matrix.values[static_cast<std::size_t>(r * matrix.cols + c)]);
    }
  }
  return result;
}

/// One under the other.
PlainMatrix stacked(const PlainMatrix& a, const PlainMatrix& b, const PlainMatrix& c) {
  PlainMatrix result{a.rows + b.rows + c.rows, a.cols, a.values};
  for (const PlainMatrix* part : {&b, &c}) {
    result.values.insert(result.values.end(), part->values.begin(), part->values.end());
  }
  if (a.rows == 1 && b.rows == 1) result = {1, static_cast<std::int64_t>(result.values.size()), result.values};
  return result;
}

void put_gguf_gpt2(MemorySource& source, const std::string& block, const PlainLayer& layer) {
  put(source, block + "attn_qkv.weight", stacked(layer.query, layer.key, layer.value));
  put_vector(source, block + "attn_qkv.bias", stacked(layer.query_bias, layer.key_bias, layer.value_bias));
}

}  // namespace

void MemorySource::add(const std::string& name, std::vector<std::int64_t> shape, std::vector<float> values) {
  infos_.push_back({name, std::move(shape), TensorType::kF32, values_.size(), values.size() * sizeof(float)});
  values_.push_back(std::move(values));
}

void MemorySource::remove(const std::string& name) {
  std::erase_if(infos_, [&](const TensorInfo& info) { return info.name == name; });
}

const TensorInfo* MemorySource::find(std::string_view name) const {
  const auto found = std::find_if(infos_.begin(), infos_.end(), [&](const TensorInfo& i) { return i.name == name; });
  return found == infos_.end() ? nullptr : &*found;
}

void MemorySource::read(const TensorInfo& tensor, std::span<float> out) const {
  const std::vector<float>& values = values_[tensor.offset];
  std::copy(values.begin(), values.end(), out.begin());
}

std::span<const std::byte> MemorySource::bytes(const TensorInfo& tensor) const {
  return std::as_bytes(std::span(values_[tensor.offset]));
}

MemorySource as_gguf(const PlainModel& model) {
  const ModelConfig& config = model.config;
  MemorySource source;
  put(source, "token_embd.weight", model.token_embedding);
  put(source, "position_embd.weight", model.positions);
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    const PlainLayer& layer = model.layers[i];
    const std::string block = "blk." + std::to_string(i) + ".";
    const bool permuted = config.architecture == Architecture::kLlama;
    put_vector(source, block + "attn_norm.weight", layer.attention_norm);
    put_vector(source, block + "attn_norm.bias", layer.attention_norm_bias);
    if (config.architecture == Architecture::kGpt2) {
      put_gguf_gpt2(source, block, layer);
    } else {
      put(source, block + "attn_q.weight", permuted ? interleaved(layer.query, config) : layer.query);
      put(source, block + "attn_k.weight", permuted ? interleaved(layer.key, config) : layer.key);
      put(source, block + "attn_v.weight", layer.value);
      put_vector(source, block + "attn_q.bias", layer.query_bias);
      put_vector(source, block + "attn_k.bias", layer.key_bias);
      put_vector(source, block + "attn_v.bias", layer.value_bias);
    }
    put(source, block + "attn_output.weight", layer.attention_out);
    put_vector(source, block + "attn_output.bias", layer.attention_out_bias);
    put_vector(source, block + "ffn_norm.weight", layer.ffn_norm);
    put_vector(source, block + "ffn_norm.bias", layer.ffn_norm_bias);
    put(source, block + "ffn_gate.weight", layer.gate);
    put(source, block + "ffn_up.weight", layer.up);
    put_vector(source, block + "ffn_up.bias", layer.up_bias);
    put(source, block + "ffn_down.weight", layer.down);
    put_vector(source, block + "ffn_down.bias", layer.down_bias);
  }
  put_vector(source, "output_norm.weight", model.output_norm);
  put_vector(source, "output_norm.bias", model.output_norm_bias);
  put(source, "output.weight", model.output);
  return source;
}

MemorySource as_huggingface(const PlainModel& model, const std::string& prefix) {
  const bool gpt2 = model.config.architecture == Architecture::kGpt2;
  MemorySource source;
  put(source, prefix + (gpt2 ? "wte.weight" : "embed_tokens.weight"), model.token_embedding);
  put(source, prefix + "wpe.weight", model.positions);
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    const PlainLayer& layer = model.layers[i];
    const std::string block = prefix + (gpt2 ? "h." : "layers.") + std::to_string(i) + ".";
    if (gpt2) {
      put_vector(source, block + "ln_1.weight", layer.attention_norm);
      put_vector(source, block + "ln_1.bias", layer.attention_norm_bias);
      put(source, block + "attn.c_attn.weight", transposed(stacked(layer.query, layer.key, layer.value)));
      put_vector(source, block + "attn.c_attn.bias", stacked(layer.query_bias, layer.key_bias, layer.value_bias));
      put(source, block + "attn.c_proj.weight", transposed(layer.attention_out));
      put_vector(source, block + "attn.c_proj.bias", layer.attention_out_bias);
      put_vector(source, block + "ln_2.weight", layer.ffn_norm);
      put_vector(source, block + "ln_2.bias", layer.ffn_norm_bias);
      put(source, block + "mlp.c_fc.weight", transposed(layer.up));
      put_vector(source, block + "mlp.c_fc.bias", layer.up_bias);
      put(source, block + "mlp.c_proj.weight", transposed(layer.down));
      put_vector(source, block + "mlp.c_proj.bias", layer.down_bias);
      source.add(block + "attn.bias", {1, 1, 2, 2}, {1, 0, 1, 1});  // the mask, which nothing reads
      continue;
    }
    put_vector(source, block + "input_layernorm.weight", layer.attention_norm);
    put(source, block + "self_attn.q_proj.weight", layer.query);
    put(source, block + "self_attn.k_proj.weight", layer.key);
    put(source, block + "self_attn.v_proj.weight", layer.value);
    put_vector(source, block + "self_attn.q_proj.bias", layer.query_bias);
    put_vector(source, block + "self_attn.k_proj.bias", layer.key_bias);
    put_vector(source, block + "self_attn.v_proj.bias", layer.value_bias);
    put(source, block + "self_attn.o_proj.weight", layer.attention_out);
    put_vector(source, block + "post_attention_layernorm.weight", layer.ffn_norm);
    put(source, block + "mlp.gate_proj.weight", layer.gate);
    put(source, block + "mlp.up_proj.weight", layer.up);
    put(source, block + "mlp.down_proj.weight", layer.down);
  }
  put_vector(source, prefix + (gpt2 ? "ln_f.weight" : "norm.weight"), model.output_norm);
  put_vector(source, prefix + "ln_f.bias", model.output_norm_bias);
  put(source, "lm_head.weight", model.output);
  return source;
}

MemorySource as_llama2c(const PlainModel& model) {
  const ModelConfig& config = model.config;
  MemorySource source;
  put(source, "token_embedding_table", model.token_embedding);
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    const PlainLayer& layer = model.layers[i];
    const auto name = [i](const char* weight) { return std::string(weight) + "." + std::to_string(i); };
    put_vector(source, name("rms_att_weight"), layer.attention_norm);
    put(source, name("wq"), interleaved(layer.query, config));
    put(source, name("wk"), interleaved(layer.key, config));
    put(source, name("wv"), layer.value);
    put(source, name("wo"), layer.attention_out);
    put_vector(source, name("rms_ffn_weight"), layer.ffn_norm);
    put(source, name("w1"), layer.gate);
    put(source, name("w2"), layer.down);
    put(source, name("w3"), layer.up);
  }
  put_vector(source, "rms_final_weight", model.output_norm);
  put(source, "wcls", model.output);
  return source;
}

}  // namespace fllm::test
