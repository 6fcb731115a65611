// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/sampling/row.h"

// Edits of the ids that a list names any number of times.
namespace fllm::sampling {

constexpr std::int32_t kLevelBits = 6;

/// Calls apply(id, level) once for every id of this block's slice that is named: by i in [0, count), as id_of(i), with
/// level_of(i) in [1, 63]; 0: not. level is the largest that names it. Called by the whole block; the turn that finds nothing
/// left puts a barrier behind every apply.
/// Each turn takes the largest id that is left of every bin; ids share a bin only where they are far apart.
template <Cta C, std::int32_t kIds, class IdOf, class LevelOf, class Apply>
FLLM_DEVICE void each_named(const C& cta, SharedRow& shared, const Row<C, kIds>& row, std::int32_t count,
                            const IdOf& id_of, const LevelOf& level_of, const Apply& apply) {
  for (std::int32_t bin = cta.thread_index(); bin < kBins; bin += cta.thread_count()) {
    shared.marks.taken[bin] = ~0u;
    shared.marks.named[bin] = 0;
  }
  std::int32_t any = 1;
  while (any != 0) {
    cta.sync();  // the marks are there, and nothing is applied meanwhile
    any = 0;
    for (std::int32_t i = cta.thread_index(); i < count; i += cta.thread_count()) {
      const std::int32_t id = id_of(i);
      if (!row.owns(id)) continue;
      const std::uint32_t code = static_cast<std::uint32_t>(id + 1) << kLevelBits, bin = id % kBins;
      if (code >= (shared.marks.taken[bin] >> kLevelBits << kLevelBits)) continue;
      const std::int32_t level = level_of(i);
      if (level == 0) continue;
      cta.atomic_max(&shared.marks.named[bin], code | static_cast<std::uint32_t>(level));
      any = 1;
    }
    any = block_reduce(cta, shared.slots, any, Maximum{});  // a barrier too: all are named
    for (std::int32_t bin = cta.thread_index(); bin < kBins; bin += cta.thread_count()) {
      const std::uint32_t code = shared.marks.named[bin];
      shared.marks.taken[bin] = code;  // 0: none is left
      shared.marks.named[bin] = 0;
      if (code != 0) {
        apply(static_cast<std::int32_t>(code >> kLevelBits) - 1,
              static_cast<std::int32_t>(code & ((1u << kLevelBits) - 1)));
      }
    }
  }
}

}  // namespace fllm::sampling
