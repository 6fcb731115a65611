// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/sampling/list_draw.h"
#include "cuda/kernels/sharding/shard_words.h"

// The draw when the ranks' lists hold everything that is kept.
namespace fllm::sharding {

/// The token of a row whose kept ids are all in the lists. Every thread gets it.
template <Cta C>
FLLM_DEVICE_LARGE std::int32_t draw_from_lists(const C& cta, SharedRow& shared, const ShardParams& p, const Mass* words,
                                               float maximum) {
  for (std::int32_t i = cta.thread_index(); i < p.ranks * p.list_size; i += cta.thread_count()) {
    const Mass word = words[p.ranks + 1 + i];
    if (word == 0) continue;
    shared.list.code[cta.atomic_add(&shared.list_count, 1u)] = word_code(word);
  }
  cta.sync();  // the list is complete
  const auto count = static_cast<std::int32_t>(shared.list_count);
  sampling::sort_list(cta, shared.list, count);
  if (cta.warp() == 0) {
    const MassFunction mass_of{maximum, mass_scale(shared.sampling().temperature)};
    shared.found = sampling::draw_from_list(cta, shared, mass_of, count, 0).token;
  }
  cta.sync();  // found is written
  return shared.found;
}

}  // namespace fllm::sharding
