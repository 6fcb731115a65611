// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/sampling/row_edit.h"
#include "cuda/kernels/sampling/row_load.h"
#include "cuda/kernels/sampling/row_open.h"

namespace fllm::sampling {

/// Loads the slice of an opened row and edits it by the row's lists; the parts' maxima are there afterwards. The row's
/// parameters are prepared by a warp of the block before its barrier here.
template <Cta C, class LogitT>
FLLM_DEVICE void load_edited(const C& cta, SharedRow& shared, const Row<C, kRowIds<C, LogitT>>& row,
                             const SampleParams& p, std::int64_t index) {
  const std::uint32_t* mask = mask_of(p, index);
  const bool has_nan = load_slice(cta, row, static_cast<const LogitT*>(p.logits) + index * p.stride, mask);
  if (cta.lane() == 0) shared.warp_has_nan[cta.warp()] = has_nan ? 1 : 0;
  cta.sync();  // the block's values, the maxima of their parts and the row's parameters are there
  edit_loaded(cta, shared, row, p, mask != nullptr);
}

}  // namespace fllm::sampling
