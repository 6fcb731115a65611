// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/sampling/row_list.h"
#include "cuda/kernels/shard_params.h"

// What words and parameters mean to both halves of a step.
namespace fllm::sharding {

using sampling::OrderCode;
using sampling::SharedRow;

/// An order code as a word that is never 0.
FLLM_DEVICE Mass code_word(OrderCode code) { return static_cast<Mass>(code) ^ 0x8000000000000000u; }
FLLM_DEVICE OrderCode word_code(Mass word) { return static_cast<OrderCode>(word ^ 0x8000000000000000u); }

/// Whether a row's top-k is short enough for the ranks' lists.
FLLM_DEVICE bool is_listed(const ShardParams& p, const RowSampling& s) {
  return sampling::has_top_k(s, p.vocab) && s.top_k <= p.list_size;
}

FLLM_DEVICE MassFunction mass_of(const ShardState& state, const RowSampling& s) {
  return {state.maximum, mass_scale(s.temperature)};
}

}  // namespace fllm::sharding
