// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/sampling/row_notice.h"

// A short list of a row's ids, kept by its first block, for what is cheap when few ids can matter.
namespace fllm::sampling {

/// Larger for ids that come earlier in the total order.
FLLM_DEVICE OrderCode order_code(float value, std::int32_t id) {
  return OrderCode{to_ordered(value + 0.0f)} * 0x100000000 + (0xffffffffu - static_cast<std::uint32_t>(id));
}
FLLM_DEVICE float code_value(OrderCode code) { return from_ordered(static_cast<std::int32_t>(code >> 32)); }
FLLM_DEVICE std::int32_t code_id(OrderCode code) {
  return static_cast<std::int32_t>(0xffffffffu - static_cast<std::uint32_t>(code));
}

/// Empties the list, for another use. What came before it in the row's blocks is over.
template <Cta C>
FLLM_DEVICE void clear_list(const C& cta, SharedRow& shared) {
  cta.cluster_sync();  // everyone has read the count, and nobody uses the memory
  if (cta.thread_index() == 0) shared.list_count = 0;
  cta.cluster_sync();  // the count is 0
}

/// Lists the ids of values below `above` (NaN: all) that low keeps. Returns how many there are, to every thread of the row;
/// the list holds them when they are at most kListCapacity. It must be empty.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE std::int32_t collect(const C& cta, SharedRow& shared, const Row<C, kIds>& row, const Cut& low,
                                 float above) {
  for (std::int32_t chunk = cta.warp(); chunk < row.layout.chunks; chunk += cta.warp_count()) {
    each_of_few(cta, row, chunk, low, above, [&](float value, std::int32_t id) {
      const std::uint32_t place = cta.atomic_add(cta.remote(&shared.list_count, 0), 1u);
      if (place < kListCapacity) *cta.remote(&shared.list.code[place], 0) = order_code(value, id);
    });
  }
  cta.cluster_sync();  // the list is complete
  return static_cast<std::int32_t>(*cta.remote(&shared.list_count, 0));
}

/// Sorts the list by counting for each entry how many precede it. The first block's.
template <Cta C>
FLLM_DEVICE void sort_list(const C& cta, ShortList& list, std::int32_t count) {
  for (std::int32_t i = cta.thread_index(); i < count; i += cta.thread_count()) {
    const OrderCode code = list.code[i];
    std::int32_t place = 0;
    for (std::int32_t j = 0; j < count; ++j) place += list.code[j] > code ? 1 : 0;
    list.sorted[place] = code;
  }
  cta.sync();  // sorted is written, and code free
}

}  // namespace fllm::sampling
