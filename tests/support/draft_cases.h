// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "tests/support/draft_batch.h"
#include "tests/support/sample_cases.h"

namespace fllm::test {

[[nodiscard]] std::vector<float> random_logits(std::int32_t vocab, Random& random);
/// What a row's masses come to.
[[nodiscard]] OracleMasses masses_of(const LogitRow& row);
/// Chooses the draft and random bits of position i, the sequence's rows being there: often at the very ends of what is
/// accepted, and of what is drawn from the residual.
[[nodiscard]] DraftCase random_draft(const DraftedSequence& sequence, std::size_t i, Random& random);
/// A sequence of so many drafts. filtered: most rows have further filters.
[[nodiscard]] DraftedSequence random_sequence(std::int32_t vocab, std::int32_t draft_count, Random& random,
                                              bool filtered = false);

}  // namespace fllm::test
