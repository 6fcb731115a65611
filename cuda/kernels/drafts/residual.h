// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/drafts/row_pair.h"
#include "cuda/portable/wide.h"

// The draw from what the target's distribution has above the draft's, max(p / M_p - q / M_q, 0) without its denominators.
namespace fllm::drafts {

/// Masses of ids whose residual is above 0: together they weigh target * M_q - draft * M_p. So sums have 64 bits.
struct Share {
  Mass target = 0;
  Mass draft = 0;

  friend FLLM_DEVICE Share operator+(const Share& a, const Share& b) {
    return {a.target + b.target, a.draft + b.draft};
  }
  friend FLLM_DEVICE Share operator-(const Share& a, const Share& b) {
    return {a.target - b.target, a.draft - b.draft};
  }
};

template <Cta C, std::int32_t kIds>
struct Residual {
  using Row = sampling::Row<C, kIds>;
  using Place = sampling::Positions<C, kIds>;

  Row& target_row;
  Row& draft_row;
  const sampling::Support<C, kIds>& target;
  const sampling::Support<C, kIds>& draft;

  [[nodiscard]] FLLM_DEVICE Wide weight(const Share& s) const {
    return product(s.target, draft.drawn.kept_mass) - product(s.draft, target.drawn.kept_mass);
  }
  [[nodiscard]] FLLM_DEVICE Share share_of(float target_value, float draft_value, std::int32_t id) const {
    const Share own{target.mass(target_value, id), draft.mass(draft_value, id)};
    const bool above = !(product(own.target, draft.drawn.kept_mass) <= product(own.draft, target.drawn.kept_mass));
    return above ? own : Share{};
  }

  /// The id that random bits draw, ascending, the first whose running weight exceeds floor(bits * weight / 2^64); -1: the
  /// residual is empty. Every thread gets it, and its value in the target's row.
  FLLM_DEVICE std::int32_t draw(const C& cta, sampling::SharedRow& shared, std::uint64_t bits, float& value) {
    const Share own = sum_chunks(cta, shared);
    tell(cta, shared, target_row, {{own.target, own.draft}});
    Share before, total;
    for (std::int32_t block = 0; block < target_row.layout.blocks; ++block) {
      const sampling::Notice& told = shared.notices[target_row.turn][block];
      const Share share{told.word[0], told.word[1]};
      if (block < target_row.rank) before = before + share;
      total = total + share;
    }
    const Wide all = weight(total);
    if ((all.high | all.low) == 0) return -1;  // the same for the whole row
    const Wide passed = multiply_high(bits, all);
    sampling::Notice found{};
    if (weight(before) <= passed && !(weight(before + own) <= passed)) {  // one block
      const std::int32_t id = locate(cta, shared, before, passed);
      found = {{static_cast<Mass>(id) + 1, sampling::key_word(target_row.own(id))}};
    }
    tell(cta, shared, target_row, found);
    value = sampling::from_key_word(sampling::heard<std::uint32_t>(cta, shared, target_row, 1, Maximum{}));
    return static_cast<std::int32_t>(sampling::heard<std::uint32_t>(cta, shared, target_row, 0, Maximum{})) - 1;
  }

 private:
  /// The shares of the block's chunks into the rows' chunk_masses, and of all of them.
  FLLM_DEVICE Share sum_chunks(const C& cta, sampling::SharedRow& shared) const {
    Share block;
    for (std::int32_t chunk = cta.warp(); chunk < target_row.layout.chunks; chunk += cta.warp_count()) {
      Share sum;
      each_pair(cta, target_row, draft_row, chunk, target.drawn.cut.value,
                [&](float p, float q, std::int32_t id) { sum = sum + share_of(p, q, id); });
      sum = {warp_reduce(cta, sum.target, Sum{}), warp_reduce(cta, sum.draft, Sum{})};
      if (cta.lane() != 0) continue;
      target_row.chunk_masses[chunk] = sum.target;
      draft_row.chunk_masses[chunk] = sum.draft;
      block = block + sum;
    }
    // Barriers too: the chunks' masses are there.
    return {block_reduce(cta, shared.sums[0], block.target, Sum{}),
            block_reduce(cta, shared.sums[1], block.draft, Sum{})};
  }

  /// The id of this block at which the running weight exceeds `passed`.
  FLLM_DEVICE std::int32_t locate(const C& cta, sampling::SharedRow& shared, Share running, const Wide& passed) const {
    std::int32_t chunk = 0;
    for (; chunk < target_row.layout.chunks - 1; ++chunk) {
      const Share next = running + Share{target_row.chunk_masses[chunk], draft_row.chunk_masses[chunk]};
      if (!(weight(next) <= passed)) break;
      running = next;
    }
    if (cta.warp() == 0) {
      const std::int32_t first = target_row.begin + chunk * target_row.layout.chunk_width;
      for (std::int32_t base = 0; base < target_row.layout.chunk_width; base += C::kWarpWidth * Place::kPerLane) {
        const std::int32_t id = first + base + cta.lane() * Place::kPerLane;
        Share each[Place::kPerLane], sum;
        FLLM_UNROLL
        for (std::int32_t e = 0; e < Place::kPerLane; ++e) {
          each[e] = share_of(target_row.own(id + e), draft_row.own(id + e), id + e);
          sum = sum + each[e];
        }
        const Share inclusive =
            running + Share{warp_inclusive_sum(cta, sum.target), warp_inclusive_sum(cta, sum.draft)};
        const std::uint32_t exceeds = cta.ballot(!(weight(inclusive) <= passed));
        if (exceeds != 0) {
          if (cta.lane() == lowest_bit(exceeds)) {
            Share before = inclusive - sum;
            std::int32_t found = id;
            FLLM_UNROLL
            for (std::int32_t e = 0; e < Place::kPerLane; ++e) {
              before = before + each[e];
              found += weight(before) <= passed ? 1 : 0;
            }
            shared.found = found;
          }
          break;
        }
        running = {cta.shuffle(inclusive.target, C::kWarpWidth - 1), cta.shuffle(inclusive.draft, C::kWarpWidth - 1)};
      }
    }
    cta.sync();  // found is written
    return shared.found;
  }
};

}  // namespace fllm::drafts
