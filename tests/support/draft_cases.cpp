// SPDX-License-Identifier: Apache-2.0
#include "tests/support/draft_cases.h"

#include "tests/support/filter_cases.h"

namespace fllm::test {
namespace {

/// The draft's row beside the target's: the same, near it, or any.
LogitRow draft_row_of(const LogitRow& target, std::int32_t vocab, Random& random) {
  LogitRow row = target;
  const std::uint64_t kind = random() % 4;
  if (kind == 0) return row;  // p = q
  if (kind < 3) {
    for (float& logit : row.logits) logit += unit_float(random) - 0.5f;
  } else {
    row.logits = random_logits(vocab, random);
  }
  if (random() % 2 == 0) {  // anew: ids of a list are distinct
    row.parameters = random_case(vocab, random);
    if (random() % 2 == 0) add_random_edits(row.parameters, row.logits, random);
  }
  return row;
}

std::uint64_t any_bits(Random& random) {
  const std::uint64_t bits = random();
  return random() % 4 == 0 ? 0 : random() % 4 == 0 ? ~std::uint64_t{0} : bits;
}

}  // namespace

std::vector<float> random_logits(std::int32_t vocab, Random& random) {
  const std::span<const LogitShape> shapes = logit_shapes();
  return shapes[random() % shapes.size()].make(vocab, random);
}

OracleMasses masses_of(const LogitRow& row) {
  SampleBatch batch({.vocab = static_cast<std::int32_t>(row.logits.size()), .history_capacity = kDraftHistory});
  batch.add(row.logits, row.parameters);
  return oracle_masses(oracle_distribution(LogitType::kFloat32, batch.host_params(), 0),
                       row.parameters.sampling.fallback_id);
}

DraftCase random_draft(const DraftedSequence& sequence, std::size_t i, Random& random) {
  const auto vocab = static_cast<std::int32_t>(sequence.target[i].logits.size());
  const bool has_row = !sequence.draft.empty();
  const OracleMasses p = masses_of(sequence.target[i]);
  OracleMasses q = has_row ? masses_of(sequence.draft[i]) : p;
  DraftCase draft;
  const auto any_id = [&] { return static_cast<std::int32_t>(random() % static_cast<std::uint64_t>(vocab)); };
  const OracleMasses& source = random() % 4 == 0 ? p : q;
  OracleDistribution drawn;
  drawn.mass = source.mass;
  drawn.kept_mass = source.total;
  draft.id = random() % 8 == 0 ? any_id() : oracle_draw(drawn, random());
  draft.proposal = random() % 8 == 0 ? any_id() : draft.id;
  if (!has_row || draft.proposal != draft.id) q = one_id(draft.id, vocab);
  draft.acceptance_uniform = any_bits(random);
  if (random() % 3 == 0) {
    const auto refused = first_refused(p, q, draft.id);
    if (refused) draft.acceptance_uniform = *refused - (*refused > 0 && random() % 2 == 0 ? 1 : 0);
  }
  draft.residual_uniform = any_bits(random);
  const OracleResidual residual = oracle_residual(p, q);
  if (vocab <= 70 && !residual.total.is_zero() && random() % 2 == 0) {
    const auto ends = uniforms_drawing(residual, any_id());
    if (ends) draft.residual_uniform = random() % 2 == 0 ? ends->first : ends->last;
  }
  return draft;
}

DraftedSequence random_sequence(std::int32_t vocab, std::int32_t draft_count, Random& random, bool filtered) {
  DraftedSequence sequence;
  sequence.coupled = random() % 6 == 0;
  const bool drawn = random() % 4 != 0;
  RowCase common = random_case(vocab, random);
  for (std::int32_t i = 0; i <= draft_count; ++i) {
    LogitRow row{random_logits(vocab, random), common};
    if (random() % 3 == 0) row.parameters = random_case(vocab, random);
    if (random() % 3 == 0) add_random_edits(row.parameters, row.logits, random);
    if (filtered && random() % 4 != 0) add_random_sequence(row.parameters.filters, row.logits, kDraftHistory, random);
    if (filtered && random() % 4 != 0) add_random_filters(row.parameters.filters, random);
    row.parameters.sampling.random.position = static_cast<std::uint32_t>(random() % 5000);
    row.parameters.uniform = random();
    if (drawn && i < draft_count) sequence.draft.push_back(draft_row_of(row, vocab, random));
    sequence.target.push_back(std::move(row));
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(draft_count); ++i) {
    sequence.drafts.push_back(random_draft(sequence, i, random));
  }
  return sequence;
}

}  // namespace fllm::test
