// SPDX-License-Identifier: Apache-2.0
#include "host/model/forward.h"

#include <cmath>

namespace fllm {
namespace {

DeviceArray<float> activations(Backend& backend, std::int32_t rows, std::int32_t cols) {
  return {backend, static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols)};
}

/// out = x W^T, then bias and epilogue.
void apply(Backend& backend, const LinearLayer& layer, RowView<const float> x, RowView<float> out, Epilogue epilogue) {
  backend.linear({x, layer.weight.get(), layer.bias.data(), epilogue, out});
}

void normalise(Backend& backend, RowView<const float> x, const DeviceArray<float>& weight, RowView<float> out) {
  backend.rms_norm({.x = x, .weight = weight.data(), .out = out});
}

RowView<const float> read(RowView<float> view) { return {view.data, view.rows, view.cols, view.stride}; }

RowView<const float> read(const DeviceArray<float>& table, std::int32_t rows, std::int32_t cols) {
  return {table.data(), rows, cols, cols};
}

}  // namespace

ForwardWorkspace::ForwardWorkspace(Backend& backend, const ModelConfig& config, std::int32_t max_rows)
    : max_rows_(max_rows),
      width_(config.d_model),
      ffn_width_(config.ffn_width()),
      hidden_(activations(backend, max_rows, width_)),
      normed_(activations(backend, max_rows, width_)),
      qkv_(activations(backend, max_rows, 3 * width_)),
      ffn_(activations(backend, max_rows, ffn_width_)) {}

void forward(Backend& backend, const Model& model, const ForwardBatch& batch, KvCache& cache,
             const ForwardWorkspace& workspace, RowView<float> logits) {
  const ModelConfig& config = model.config;
  const RowView<float> hidden = workspace.hidden(batch.rows);  // [rows, d_model]
  const RowView<float> normed = workspace.normed(batch.rows);  // [rows, d_model]; the attention's output too
  const RowView<float> qkv = workspace.qkv(batch.rows);        // [rows, 3 d_model]
  const RowView<float> ffn = workspace.ffn(batch.rows);        // [rows, ffn_width]
  const float scale = 1.0f / std::sqrt(static_cast<float>(config.head_dim()));

  backend.embed({read(model.token_embedding, config.vocab_size, config.d_model),
                 read(model.position_table, config.sequence_length, config.d_model), batch.tokens, batch.positions,
                 hidden});

  for (std::int32_t i = 0; i < config.num_layers; ++i) {
    const ModelLayer& layer = model.layers[static_cast<std::size_t>(i)];
    const KvLayer kv = cache.layer(i);

    normalise(backend, read(hidden), layer.attention_norm, normed);
    apply(backend, layer.qkv, read(normed), qkv, Epilogue::kBias);
    backend.kv_append({read(qkv), batch.positions, batch.blocks, kv});
    backend.attention(
        {read(qkv), batch.positions, batch.blocks, kv, config.num_heads, config.head_dim(), scale, normed});
    apply(backend, layer.attention_out, read(normed), hidden, Epilogue::kBiasResidual);

    normalise(backend, read(hidden), layer.ffn_norm, normed);
    apply(backend, layer.ffn_in, read(normed), ffn, Epilogue::kBiasGelu);
    apply(backend, layer.ffn_out, read(ffn), hidden, Epilogue::kBiasResidual);
  }

  if (batch.logit_row_count == 0) return;
  const RowView<float> last = workspace.normed(batch.logit_row_count);
  if (batch.logit_rows != nullptr) {
    backend.gather_rows({read(hidden), batch.logit_rows, last});
    normalise(backend, read(last), model.output_norm, last);
  } else {
    normalise(backend, read(workspace.hidden(batch.logit_row_count)), model.output_norm, last);
  }
  backend.linear({read(last), model.output.get(), nullptr, Epilogue::kBias, logits});
}

}  // namespace fllm
