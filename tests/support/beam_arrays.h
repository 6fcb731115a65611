// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tests/support/beam_device.h"

namespace fllm::test {

inline std::size_t of(std::int32_t index) { return static_cast<std::size_t>(index); }

template <class T>
std::vector<T> not_empty(std::vector<T> values) {
  if (values.empty()) values.emplace_back();
  return values;
}

/// What the rows of a batch have in a backend's memory.
struct BeamBatch::Device {
  Device(Backend& backend, const BeamBatch& b)
      : logits(backend, of(b.rows_) * of(b.stride_)),
        sampling(backend, b.sampling_),
        searches(backend, b.searches_),
        tokens(backend, of(b.rows_)),
        positions(backend, of(b.rows_)),
        row_searches(backend, b.row_searches_),
        norms(backend, b.norms_),
        ban_ids(backend, not_empty(b.ban_ids_)),
        bias(backend, not_empty(b.bias_)),
        counts(backend, not_empty(b.counts_)),
        masks(backend, not_empty(b.masks_)),
        next(backend, not_empty(b.tables_.next)),
        mask_rows(backend, not_empty(b.tables_.mask_rows)),
        flags(backend, not_empty(b.tables_.flags)),
        bytes(backend, not_empty(b.bytes_)),
        offsets(backend, b.offsets_),
        candidates(backend, of(b.rows_) * of(b.row_candidates_)),
        candidate_counts(backend, of(b.rows_)),
        rank_counts(backend, b.cases_.size() * of(kBeamRankBuckets)),
        history(backend, of(b.slots_) * of(b.capacity_)),
        history_sizes(backend, of(b.slots_)),
        scratch_stride(backend.sample_scratch_elements(b.vocab_, 0)),
        scratch(backend, of(b.rows_) * static_cast<std::size_t>(scratch_stride)) {}

  GuardedArray<float> logits;  // of any type
  DeviceTable<RowSampling> sampling;
  DeviceTable<BeamSearch> searches;
  GuardedArray<std::int32_t> tokens, positions;
  DeviceTable<std::int32_t> row_searches;
  DeviceTable<float> norms;
  DeviceTable<std::int32_t> ban_ids;
  DeviceTable<BiasEntry> bias;
  DeviceTable<CountEntry> counts;
  DeviceTable<std::uint32_t> masks;
  DeviceTable<std::int32_t> next, mask_rows;
  DeviceTable<std::uint8_t> flags, bytes;
  DeviceTable<std::int64_t> offsets;
  GuardedArray<BeamCandidate> candidates;
  GuardedArray<std::int32_t> candidate_counts;
  GuardedArray<std::uint32_t> rank_counts;
  GuardedArray<CountEntry> history;
  GuardedArray<std::int32_t> history_sizes;
  std::int64_t scratch_stride;
  GuardedArray<float> scratch;
};

}  // namespace fllm::test
