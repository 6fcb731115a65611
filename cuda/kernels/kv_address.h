// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/model_params.h"

namespace fllm {

/// Elements from the start of a layer's keys (or values) to position t of a row's sequence.
FLLM_DEVICE std::int64_t kv_offset(const BlockTables& blocks, std::int32_t row, std::int32_t t, std::int32_t width) {
  const std::int32_t* table = blocks.table + blocks.row_sequence[row] * blocks.stride;
  const std::int64_t slot = std::int64_t{table[t / kKvBlockTokens]} * kKvBlockTokens + t % kKvBlockTokens;
  return slot * width;
}

}  // namespace fllm
