// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/filter_params.h"
#include "cuda/portable/annotations.h"

// Which of the further filters a row has, so that the others cost it nothing.
namespace fllm::sampling {

/// What further filters a row has.
enum FilterUse : std::uint32_t {
  kBadWords = 1,
  kNgrams = 2,
  kDry = 4,
  kMirostat = 8,
  kOtherFilters = 16,
  kEditsBySequence = kBadWords | kNgrams | kDry,
  kReadsSequence = kEditsBySequence | kMirostat,
  kFiltersDraw = kMirostat | kOtherFilters,  // they change what the draw keeps
};

/// Bits of FilterUse.
FLLM_DEVICE std::uint32_t filter_uses(const FilterParams& p, const RowFilters& f) {
  std::uint32_t uses = 0;
  if (p.word_offsets != nullptr && f.bad_words.begin < f.bad_words.end) uses |= kBadWords;
  if (f.no_repeat_ngram > 0) uses |= kNgrams;
  if (f.dry_multiplier > 0.0f) uses |= kDry;
  if (f.mirostat_tau > 0.0f) uses |= kMirostat;
  if (f.top_n_sigma > 0.0f || f.typical_p < 1.0f || f.xtc_probability > 0.0f) uses |= kOtherFilters;
  return uses;
}

}  // namespace fllm::sampling
