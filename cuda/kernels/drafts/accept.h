// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/draft_params.h"
#include "cuda/kernels/sampling/row_place.h"
#include "cuda/portable/wide.h"

// How many of a row's drafts are accepted: Leviathan, Kalman, Matias, "Fast inference from transformers via speculative
// decoding", 2023, in integers.
namespace fllm::drafts {

/// Random bits at the position of a logit row, of a stream of their own.
FLLM_DEVICE std::uint64_t bits_of(const SampleParams& p, std::int64_t index, RandomStream stream) {
  sampling::RowRandom random = p.sampling != nullptr
                                   ? sampling::RowRandom{p.sampling[index].seed, p.sampling[index].random}
                                   : sampling::random_of(p.arrays, index);
  random.counter.stream = stream;
  return random_bits(random.seed, random.counter);
}

/// Drafts of a row that have logit rows.
FLLM_DEVICE std::int32_t draft_count(const ResolveDraftsParams& p, const DraftRow& row) {
  const std::int32_t most = p.target.rows - 1 - row.first_logit_row;
  const std::int32_t count = row.draft_count < kMaxDraftTokens ? row.draft_count : kMaxDraftTokens;
  return count < 0 ? 0 : count < most ? count : most;
}

/// Index of the draft's row that draft i was drawn from; -1: it was chosen.
FLLM_DEVICE std::int64_t drawn_from(const ResolveDraftsParams& p, const DraftRow& row, std::int32_t i,
                                    std::int32_t draft) {
  std::int64_t index = row.first_draft_row < 0 ? -1 : std::int64_t{row.first_draft_row} + i;
  if (p.draft_rows != nullptr) index = p.draft_rows[row.first_logit_row + i];
  if (index < 0 || index >= p.draft.rows) return -1;
  return draft >= 0 && p.draft.supports[index].proposed_id == draft ? index : -1;
}

/// Whether draft i is accepted, those in front of it being so: u * q / M_q < p / M_p, u = bits / 2^64.
FLLM_DEVICE bool accepts(const ResolveDraftsParams& p, const DraftRow& row, std::int32_t i) {
  const std::int64_t index = std::int64_t{row.first_logit_row} + i;
  const std::int32_t draft = p.draft_ids[index];
  if (row.coupled != 0) return p.target.tokens[index] == draft;
  const RowSupport& target = p.target.supports[index];
  // Outside the vocabulary too, where a row proposes -1 without any mass.
  if (target.proposed_id != draft) return false;
  const std::int64_t source = drawn_from(p, row, i, draft);
  const Mass q = source >= 0 ? p.draft.supports[source].proposed_mass : 1;
  const Mass q_total = source >= 0 ? p.draft.supports[source].kept_mass : 1;
  const std::uint64_t bits = p.acceptance_uniforms != nullptr ? p.acceptance_uniforms[index]
                                                              : bits_of(p.target, index, RandomStream::kAcceptance);
  // A fraction is below an integer when its whole part is.
  return !(product(target.proposed_mass, q_total) <= multiply_high(bits, product(q, target.kept_mass)));
}

/// How many drafts come before the first that is refused. Called by whole warps; every lane gets it.
template <Cta C>
FLLM_DEVICE std::int32_t accepted_count(const C& cta, const ResolveDraftsParams& p, const DraftRow& row,
                                        std::int32_t count) {
  for (std::int32_t base = 0; base < count; base += C::kWarpWidth) {
    const std::int32_t i = base + cta.lane();
    const std::uint32_t refused = cta.ballot(i < count && !accepts(p, row, i));
    if (refused != 0) return base + lowest_bit(refused);
  }
  return count;
}

}  // namespace fllm::drafts
