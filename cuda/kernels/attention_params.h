// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "cuda/kernels/model_params.h"

namespace fllm {

constexpr std::int32_t kAttentionChunks = 8;  // into which positions are cut at most

/// Of a model's attention.
struct AttentionHeads {
  std::int32_t query = 0, key = 0;  // heads; key divides query
  std::int32_t dim = 0;
};

/// How attention is spread over blocks; decides about speed, never about a bit of the result. 0: the launch chooses.
struct AttentionSpread {
  std::int32_t rows = 0;   // neighbouring rows of a sequence that a block takes together
  std::int32_t heads = 0;  // query heads of a key head that a block takes together
  std::int32_t parts = 0;  // blocks that share a row's positions, a chunk each: 1 or kAttentionChunks
};

/// What attention keeps of a row for the chunks of its heads: of each, [heads][kAttentionChunks], the largest score, the sum
/// of the weights, and head_dim values.
constexpr std::int64_t attention_chunk_columns(std::int32_t heads, std::int32_t head_dim) {
  return std::int64_t{heads} * kAttentionChunks * (head_dim + 2);
}

/// Causal attention of each row over positions [0, positions[row]] of its sequence, read through the block table,
/// or, for a beam, through those its path names.
/// Query heads h * group to (h + 1) * group - 1 share key head h (Ainslie et al. 2023); of key heads there are
/// layer.width / head_dim, which divides heads.
struct AttentionParams {
  RowView<const float> qkv;                 // [rows, heads * head_dim + 2 * width]; only the query part is read
  const std::int32_t* positions = nullptr;  // [rows]
  BlockTables blocks;
  KvLayer layer;
  std::int32_t heads = 0;  // of the query
  std::int32_t head_dim = 0;
  float scale = 0;     // 1 / sqrt(head_dim)
  RowView<float> out;  // [rows, heads * head_dim]
  HalfRows half = {};
  AttentionSpread spread = {};
  /// [rows, attention_chunk_columns] at least, or without data: where parts of a row that are no cluster leave their chunks,
  /// which a second launch joins. Not used where the launch chooses a cluster.
  RowView<float> chunks = {};
};

}  // namespace fllm
