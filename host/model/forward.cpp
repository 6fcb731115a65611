// SPDX-License-Identifier: Apache-2.0
#include "host/model/forward.h"

#include <algorithm>
#include <cmath>

namespace fllm {
namespace {

DeviceArray<float> activations(Backend& backend, std::int32_t rows, std::int32_t cols) {
  return {backend, static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols)};
}

RowView<const float> read(RowView<float> view) { return {view.data, view.rows, view.cols, view.stride}; }

/// Empty: a view without data.
RowView<const float> read(const DeviceArray<float>& table, std::int32_t rows, std::int32_t cols) {
  return {table.data(), rows, cols, cols};
}

/// What a kernel leaves for a product: rows, and where they are in 16 bits instead.
struct Operand {
  RowView<float> rows;
  HalfRows half;
};

/// out = x W^T, then bias and epilogue. half_out: where the result is to be in 16 bits, of a layer of one weight alone.
void apply(Backend& backend, const LinearLayer& layer, const Operand& x, RowView<float> out, Epilogue epilogue,
           const HalfRows& half_out = {}) {
  const float* bias = layer.bias.data();
  for (const std::unique_ptr<LinearWeight>& weight : layer.weights) {
    out.cols = weight->out_features();
    backend.linear({read(x.rows), weight.get(), bias, epilogue, out, x.half, half_out});
    out.data += out.cols;
    if (bias != nullptr) bias += out.cols;
  }
}

void normalise(Backend& backend, const ModelConfig& config, const NormLayer& norm, RowView<float> x,
               const Operand& out) {
  switch (config.norm) {
    case NormKind::kRms:
      return backend.rms_norm({read(x), norm.weight.data(), config.norm_epsilon, out.rows, out.half});
    case NormKind::kLayer:
      return backend.layer_norm(
          {read(x), norm.weight.data(), norm.bias.data(), config.norm_epsilon, out.rows, out.half});
  }
}

/// hidden += out(activation(in(x))). ffn: [rows, ffn_in_width]
void feed_forward(Backend& backend, const ModelConfig& config, const ModelLayer& layer, const Operand& x,
                  RowView<float> ffn, RowView<float> hidden) {
  Operand activated{ffn, x.half};  // [rows, ffn_width], in place: x has been read
  activated.rows.cols = config.ffn_width;
  switch (config.ffn) {
    case FfnKind::kGelu:
      apply(backend, layer.ffn_in, x, ffn, Epilogue::kBiasGelu, activated.half);
      break;
    case FfnKind::kGeluTanh:
      apply(backend, layer.ffn_in, x, ffn, Epilogue::kBiasGeluTanh, activated.half);
      break;
    case FfnKind::kSwiGlu:
      apply(backend, layer.ffn_in, x, ffn, Epilogue::kBias);
      backend.swiglu({read(ffn), activated.rows, activated.half});
      break;
  }
  apply(backend, layer.ffn_out, activated, hidden, Epilogue::kBiasResidual);
}

/// Of a row that can hold what any product reads, in steps of 16 bytes, as matrix products like it.
std::int32_t half_width(const ModelConfig& config) {
  return (std::max({config.d_model, config.query_width(), config.ffn_width}) + 7) / 8 * 8;
}

}  // namespace

ForwardWorkspace::ForwardWorkspace(Backend& backend, const ModelConfig& config, std::int32_t max_rows)
    : max_rows_(max_rows),
      width_(config.d_model),
      query_width_(config.query_width()),
      qkv_width_(config.qkv_width()),
      ffn_in_width_(config.ffn_in_width()),
      chunk_rows_(backend.attention_chunk_rows(max_rows, {config.num_heads, config.num_kv_heads, config.head_dim})),
      chunk_columns_(static_cast<std::int32_t>(attention_chunk_columns(config.num_heads, config.head_dim))),
      half_width_(half_width(config)),
      half_type_(config.weights),
      hidden_(activations(backend, max_rows, width_)),
      normed_(activations(backend, max_rows, std::max(width_, query_width_))),
      qkv_(activations(backend, max_rows, qkv_width_)),
      ffn_(activations(backend, max_rows, ffn_in_width_)) {
  if (chunk_rows_ > 0) chunks_ = activations(backend, chunk_rows_, chunk_columns_);
  if (half_type_ == FloatType::kFloat32) return;
  half_ = {backend, static_cast<std::size_t>(max_rows) * static_cast<std::size_t>(half_width_)};
}

void forward(Backend& backend, const Model& model, const ForwardBatch& batch, KvCache& cache,
             const ForwardWorkspace& workspace, RowView<float> logits) {
  const ModelConfig& config = model.config;
  const RowView<float> hidden = workspace.hidden(batch.rows);  // [rows, d_model]
  const HalfRows half = workspace.half();
  const Operand normed{workspace.normed(batch.rows), half};      // [rows, d_model]
  const RowView<float> qkv = workspace.qkv(batch.rows);          // [rows, qkv_width]
  const Operand attended{workspace.attended(batch.rows), half};  // [rows, query_width]
  const RowView<float> ffn = workspace.ffn(batch.rows);          // [rows, ffn_in_width]
  const bool rotary = config.position_encoding == PositionEncoding::kRotary;
  const RowView<const float> angles = read(model.rotary_angles, config.sequence_length, config.rotary.dimensions);
  const float scale = 1.0f / std::sqrt(static_cast<float>(config.head_dim));

  backend.embed({read(model.token_embedding, config.vocab_size, config.d_model),
                 read(model.position_table, config.sequence_length, config.d_model), batch.tokens, batch.positions,
                 hidden});

  for (std::int32_t i = 0; i < config.num_layers; ++i) {
    const ModelLayer& layer = model.layers[static_cast<std::size_t>(i)];
    const KvLayer kv = cache.layer(i);

    normalise(backend, config, layer.attention_norm, hidden, normed);
    apply(backend, layer.qkv, normed, qkv, Epilogue::kBias);
    if (rotary) {
      const std::int32_t turned = config.num_heads + config.num_kv_heads;
      backend.rope({qkv, batch.positions, angles, turned, config.head_dim, config.rotary.pairing});
    }
    backend.kv_append({read(qkv), batch.positions, batch.blocks, kv});
    backend.attention({read(qkv),
                       batch.positions,
                       batch.blocks,
                       kv,
                       config.num_heads,
                       config.head_dim,
                       scale,
                       attended.rows,
                       half,
                       {},
                       workspace.chunks()});
    apply(backend, layer.attention_out, attended, hidden, Epilogue::kBiasResidual);

    normalise(backend, config, layer.ffn_norm, hidden, normed);
    feed_forward(backend, config, layer, normed, ffn, hidden);
  }

  if (batch.logit_row_count == 0) return;
  const Operand last{workspace.normed(batch.logit_row_count), half};
  if (batch.logit_rows != nullptr) {
    backend.gather_rows({read(hidden), batch.logit_rows, last.rows});
    normalise(backend, config, model.output_norm, last.rows, last);
  } else {
    normalise(backend, config, model.output_norm, workspace.hidden(batch.logit_row_count), last);
  }
  backend.linear({read(last.rows), model.output.get(), nullptr, Epilogue::kBias, logits, half});
}

}  // namespace fllm
