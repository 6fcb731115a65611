// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/beam_oracle.h"
#include "tests/support/random_values.h"

// Models that are tables, and searches over them.
namespace fllm::test {

/// Logits that depend on the last tokens alone, the same on every machine.
struct TableShape {
  std::int32_t vocab = 5;
  std::uint64_t seed = 1;
  std::int32_t order = 2;       // last tokens that count; < 0: all
  float spread = 4;             // logits are in [-spread, spread)
  float grid = 0;               // > 0: and multiples of it, so that many are equal
  std::int32_t boosted = 0;     // ids [0, boosted) are
  float boost = 0;              // likelier by this
  std::int32_t dead_share = 0;  // n > 0: one logit of n is -inf
};
[[nodiscard]] TableModel table_model(const TableShape& shape);

/// Logits by the number of generated tokens, [step][vocab], whatever the tokens are; the last row goes on.
[[nodiscard]] TableModel step_model(std::vector<std::vector<float>> rows);

/// A search with end ids [0, ends), gnmt 0.6 and the exact rule.
[[nodiscard]] BeamCase beam_case(TableModel model, std::int32_t vocab, std::int32_t width, std::int32_t ends,
                                 std::int32_t max_length);
/// A search of random width up to widest, ends, length, norm, rule and edits.
[[nodiscard]] BeamCase random_beam_case(Random& random, std::int32_t vocab, std::int32_t widest);

/// Tables in which each token is one letter: a, b, c…, repeating.
[[nodiscard]] BeamTables letters(std::int32_t vocab);
/// Adds an automaton that accepts behind each occurrence of one of the strings; returns its first state.
[[nodiscard]] std::int32_t add_stop_strings(BeamTables& tables, const std::vector<std::string>& strings);
/// Adds an automaton that counts bytes modulo the number of masks, and allows in state i the tokens of masks[i].
[[nodiscard]] std::int32_t add_masks(BeamTables& tables, const std::vector<std::vector<std::int32_t>>& masks);
/// A mask that allows these ids.
[[nodiscard]] std::vector<std::uint32_t> mask_of(std::int32_t vocab, const std::vector<std::int32_t>& ids);

}  // namespace fllm::test
