// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/sampling/row_open.h"

// For launches that hold two rows at once. Apart from row_open.h, whose other users it would cost registers.
namespace fllm::sampling {

/// What a row's random bits come from. from_arrays spells it out once more: calling this there costs registers, as with open_row.
struct RowRandom {
  std::uint64_t seed;
  RandomCounter counter;
};
FLLM_DEVICE RowRandom random_of(const RowArrays& a, std::int64_t index) {
  return {element_or(a.seeds, index, std::uint64_t{0}),
          {element_or<std::uint32_t>(a.positions, index, 0), element_or(a.sample_indices, index, 0u), a.stream, 0}};
}

/// Where a row lies: in the block's shared memory, and its values in global memory unless streamed is null.
struct RowPlace {
  unsigned char* shared;
  float* streamed;
};

/// Lays the row out in the memory of its blocks. open_row says the same once more, since over this one it costs: ShardRow<float>
/// took 153 registers on sm_90 instead of 130.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE Row<C, kIds> open_row_at(const C& cta, const SampleParams& p, const RowPlace& place) {
  Row<C, kIds> row;
  row.layout = row_layout(p.vocab, cta.cluster_size(), cta.thread_count(), C::kWarpWidth, Positions<C, kIds>::kGroup);
  row.vocab = p.vocab;
  row.first_id = p.first_id;
  row.rank = cta.cluster_rank();
  row.begin = row.rank * row.layout.slice_width();
  row.chunk_masses = reinterpret_cast<Mass*>(place.shared);
  row.parts = reinterpret_cast<float*>(place.shared + row.layout.mass_bytes());
  if (place.streamed != nullptr) {
    row.streamed = place.streamed;
    row.values = row.streamed + row.begin;
  } else {
    row.values = reinterpret_cast<float*>(place.shared + row.layout.mass_bytes() + row.layout.part_bytes());
  }
  return row;
}

}  // namespace fllm::sampling
