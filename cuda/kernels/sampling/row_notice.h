// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/sampling/row_visit.h"

// What the blocks of a row tell each other: a few integers each, by way of shared memory, with one barrier.
namespace fllm::sampling {

/// Gives a notice to every block of the row. Called by all threads; those below layout.blocks must have the values. Behind
/// it the block reads the notices of all: heard.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE void tell(const C& cta, SharedRow& shared, Row<C, kIds>& row, const Notice& notice) {
  row.turn ^= 1;
  const std::int32_t to = cta.thread_index();
  if (to < row.layout.blocks) *cta.remote(&shared.notices[row.turn][row.rank], to) = notice;
  cta.cluster_sync();  // the notices are there; those of two turns ago were read before the turn in between
}

/// The combination of one word of all blocks' last notices, as a T. Called by whole warps; every lane gets it.
template <class T, Cta C, std::int32_t kIds, class Combine>
FLLM_DEVICE T heard(const C& cta, const SharedRow& shared, const Row<C, kIds>& row, std::int32_t word,
                    const Combine& combine) {
  T value = static_cast<T>(shared.notices[row.turn][cta.lane() & (row.layout.blocks - 1)].word[word]);
  for (std::int32_t step = row.layout.blocks / 2; step > 0; step >>= 1) {
    value = combine(value, cta.shuffle_xor(value, step));
  }
  return value;
}

/// Sum of one word over the blocks in front of this one.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE Mass heard_before(const SharedRow& shared, const Row<C, kIds>& row, std::int32_t word) {
  Mass sum = 0;
  for (std::int32_t block = 0; block < row.rank; ++block) sum += shared.notices[row.turn][block].word[word];
  return sum;
}

/// First block whose last notice has this word; one has. Called by whole warps.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE std::int32_t first_with(const C& cta, const SharedRow& shared, const Row<C, kIds>& row, std::int32_t word,
                                    Mass value) {
  return lowest_bit(cta.ballot(shared.notices[row.turn][cta.lane() & (row.layout.blocks - 1)].word[word] == value));
}

/// A value as a word, in the order of values; -0 and +0 are one.
FLLM_DEVICE std::uint32_t key_word(float value) {
  return static_cast<std::uint32_t>(to_ordered(value + 0.0f)) ^ 0x80000000u;
}
FLLM_DEVICE float from_key_word(std::uint32_t word) {
  return from_ordered(static_cast<std::int32_t>(word ^ 0x80000000u));
}

}  // namespace fllm::sampling
