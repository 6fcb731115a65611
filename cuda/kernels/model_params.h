// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "cuda/kernels/half_params.h"
#include "cuda/kernels/kv_params.h"
#include "cuda/portable/row_view.h"

// Arguments of the model's kernels. A row is one token of one sequence in this step's batch.
namespace fllm {

/// x[row] = table[tokens[row]] + positions[position[row]]; without the second term where there is no such table.
struct EmbedParams {
  RowView<const float> table;               // [vocab, width]
  RowView<const float> position_table;      // [context, width], or without data
  const std::int32_t* tokens = nullptr;     // [rows]
  const std::int32_t* positions = nullptr;  // [rows]; not read without a position table
  RowView<float> out;                       // [rows, width]
};

/// out = x / sqrt(mean(x^2) + epsilon) * weight
struct RmsNormParams {
  RowView<const float> x;         // [rows, width]
  const float* weight = nullptr;  // [width]
  float epsilon = 1e-6f;
  RowView<float> out;  // [rows, width]; may be x
  HalfRows half = {};
};

/// out = (x - mean) / sqrt(variance + epsilon) * weight + bias
struct LayerNormParams {
  RowView<const float> x;         // [rows, width]
  const float* weight = nullptr;  // [width]
  const float* bias = nullptr;    // [width]
  float epsilon = 1e-5f;
  RowView<float> out;  // [rows, width]; may be x
  HalfRows half = {};
};

/// Which elements of a head make pair i of n that are turned together.
enum class RopePairing : std::uint8_t {
  kInterleaved,  // 2 i and 2 i + 1
  kHalves,       // i and n + i
};

/// Rotary position embedding (Su et al. 2021): turns pairs of elements of each head by the angles of the row's position,
/// in place. Elements of a head past the last pair stay as they are.
struct RopeParams {
  RowView<float> x;                         // [rows, at least heads * head_dim]: query heads, then key heads
  const std::int32_t* positions = nullptr;  // [rows]
  RowView<const float> angles;              // [context, 2 * pairs]: cosine and sine by turns
  std::int32_t heads = 0;                   // to turn
  std::int32_t head_dim = 0;                // at least 2 * pairs
  RopePairing pairing = RopePairing::kInterleaved;
};

/// out = silu(gate) * up
struct SwiGluParams {
  RowView<const float> gate_up;  // [rows, 2 * width]: gate, up
  RowView<float> out;            // [rows, width]; may be the gate
  HalfRows half = {};
};

/// Stores the key and value parts of qkv at each row's position, in the blocks of its own table.
struct KvAppendParams {
  RowView<const float> qkv;                 // [rows, query width + 2 * width]: query, key, value
  const std::int32_t* positions = nullptr;  // [rows]
  BlockTables blocks;
  KvLayer layer;
};

enum class Epilogue : std::uint8_t {
  kBias,          // out = y + bias
  kBiasGelu,      // out = gelu(y + bias), the exact erf form
  kBiasResidual,  // out = out + (y + bias)
  kBiasGeluTanh,  // out = gelu_tanh(y + bias)
};

/// Finishes a matrix product in place; the serial backend has it fused into the product.
struct EpilogueParams {
  RowView<float> y;             // [rows, cols]: the product
  const float* bias = nullptr;  // [cols] or null
  Epilogue kind = Epilogue::kBias;
  RowView<float> out;  // [rows, cols]; y itself unless kBiasResidual
  HalfRows half = {};  // not with kBiasResidual
};

/// out[i] = x[rows[i]]: picks the rows whose logits are needed.
struct GatherRowsParams {
  RowView<const float> x;
  const std::int32_t* rows = nullptr;  // [out.rows]
  RowView<float> out;
};

/// Copies the first tokens of blocks of one layer: destination[i] = source[i], keys and values.
struct CopyBlocksParams {
  KvLayer layer;
  const std::int32_t* source = nullptr;       // [count]
  const std::int32_t* destination = nullptr;  // [count]
  std::int32_t count = 0;
  std::int32_t tokens = kKvBlockTokens;  // of each block, [0, kKvBlockTokens]; the rest is left alone
};

}  // namespace fllm
