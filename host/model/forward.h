// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "cuda/backend/backend.h"
#include "host/model/kv_cache.h"
#include "host/model/model.h"

namespace fllm {

/// One step's rows, on the device.
struct ForwardBatch {
  std::int32_t rows = 0;
  const std::int32_t* tokens = nullptr;     // [rows]
  const std::int32_t* positions = nullptr;  // [rows]
  BlockTables blocks;
  const std::int32_t* logit_rows = nullptr;  // [logit_row_count]: rows whose logits are wanted; null: the first ones
  std::int32_t logit_row_count = 0;
};

/// Activations of a step, sized once for max_rows.
class ForwardWorkspace {
 public:
  ForwardWorkspace(Backend& backend, const ModelConfig& config, std::int32_t max_rows);

  [[nodiscard]] std::int32_t max_rows() const { return max_rows_; }
  [[nodiscard]] RowView<float> hidden(std::int32_t rows) const { return view(hidden_, rows, width_); }
  [[nodiscard]] RowView<float> normed(std::int32_t rows) const { return view(normed_, rows, width_); }
  /// The attention's output, in the memory of normed: that has been read when this is written.
  [[nodiscard]] RowView<float> attended(std::int32_t rows) const { return view(normed_, rows, query_width_); }
  /// Where attention leaves the chunks of long contexts; without data where it needs no such place.
  [[nodiscard]] RowView<float> chunks() const { return view(chunks_, chunk_rows_, chunk_columns_); }
  [[nodiscard]] RowView<float> qkv(std::int32_t rows) const { return view(qkv_, rows, qkv_width_); }
  /// What products read where weights have 16 bits: the latest of a step's normed rows, attended ones and activations. Without
  /// data where they have 32.
  [[nodiscard]] HalfRows half() const { return {half_.data(), half_width_, half_type_}; }
  [[nodiscard]] RowView<float> ffn(std::int32_t rows) const { return view(ffn_, rows, ffn_in_width_); }

 private:
  static RowView<float> view(const DeviceArray<float>& array, std::int32_t rows, std::int32_t cols) {
    return {array.data(), rows, cols, cols};
  }
  std::int32_t max_rows_, width_, query_width_, qkv_width_, ffn_in_width_;
  std::int32_t chunk_rows_, chunk_columns_;
  std::int32_t half_width_;
  FloatType half_type_;
  DeviceArray<float> hidden_, normed_, qkv_, ffn_, chunks_;
  DeviceArray<std::uint16_t> half_;
};

/// Enqueues the model over a batch: fills the KV cache at each row's position and writes logits [logit_row_count, vocab].
/// Precondition: batch.logit_row_count <= batch.rows <= workspace.max_rows(). Allocates nothing, waits for nothing.
void forward(Backend& backend, const Model& model, const ForwardBatch& batch, KvCache& cache,
             const ForwardWorkspace& workspace, RowView<float> logits);

}  // namespace fllm
