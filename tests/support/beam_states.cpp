// SPDX-License-Identifier: Apache-2.0
#include "tests/support/beam_cases.h"
#include "tests/support/beam_device.h"
#include "tests/support/beam_suite.h"

// Beams that follow automata over their text.
namespace fllm::test {
namespace {

constexpr std::int32_t kLetters = 23;

TableModel state_model(std::uint64_t seed) {
  TableShape shape;
  shape.vocab = kLetters;
  shape.seed = seed;
  return table_model(shape);
}

void masks_by_state(Backend& backend) {
  BeamTables tables = letters(kLetters);
  const std::int32_t start = add_masks(tables, {{1, 2, 3, 4, 5}, {6, 7}, {0, 8, 9}, {}, {10}});
  tables.texts[3] = "xy";
  tables.texts[4] = "";
  tables.texts[8] = "xyz";
  BeamCase asked = beam_case(state_model(12), kLetters, 4, 1, 8);
  asked.rules.mask_start = start;
  BeamCase free = asked;
  free.rules.mask_start = -1;
  BeamCase fixed = free;
  fixed.row.mask = mask_of(kLetters, {0, 5, 22});
  BeamCase after = asked, fixed_after = fixed;
  after.rules.edits_after_softmax = fixed_after.rules.edits_after_softmax = 1;
  expect_beams(backend, {asked, free, fixed, asked, after, fixed_after}, tables);
}

/// States that free the end tokens of min_tokens, not so stop strings, and states that end a beam.
void ends_by_state(Backend& backend) {
  BeamTables tables = letters(kLetters);
  const std::int32_t start = add_masks(tables, {{1, 2, 3, 4, 5}, {0, 1, 2, 3, 6}, {2, 3, 4}, {0}, {7, 8}});
  tables.texts[4] = "";  // its state stays
  tables.texts[6] = "vwxy";
  tables.flags[static_cast<std::size_t>(start) + 1] = kStateFreesEnds;
  tables.flags[static_cast<std::size_t>(start) + 3] = kStateFreesEnds;
  const std::int32_t ending = add_masks(tables, {{1, 2, 3, 4}, {3, 5, 6}, {7, 8}, {9}});
  tables.flags[static_cast<std::size_t>(ending) + 2] = kStateEnds;
  BeamCase asked = beam_case(state_model(12), kLetters, 4, 1, 9);
  asked.row.sampling.min_tokens = 6;
  asked.rules.mask_start = start;
  asked.rules.stop_start = add_stop_strings(tables, {"b", "dd"});
  asked.rules.stop = BeamStop::kNeverEarly;
  BeamCase at_once = asked;
  at_once.rules.mask_start = start + 1;
  BeamCase whole = asked;
  whole.rules.mask_start = ending;
  whole.rules.stop_start = -1;
  BeamCase limited = whole;
  limited.rules.max_length = 3;  // the state's end comes before that of the length
  limited.norms.resize(4);
  expect_beams(backend, {asked, at_once, whole, limited}, tables);
}

void stop_strings(Backend& backend) {
  BeamTables tables = letters(kLetters);
  tables.texts[5] = "abcab";
  for (const std::size_t id : {2, 7, 9, 11, 13, 17, 19}) tables.texts[id] = "xabx";  // not at its end
  tables.texts[6] = "";
  BeamCase asked = beam_case(state_model(13), kLetters, 5, 1, 9);
  asked.rules.stop_start = add_stop_strings(tables, {"ab", "cc", "dab"});
  BeamCase other = asked;
  other.rules.stop_start = add_stop_strings(tables, {"e"});
  other.rules.mask_start = add_masks(tables, {{1, 2, 3, 4, 5, 6, 7, 8}, {4, 5, 6, 0}});
  other.rules.stop = BeamStop::kNeverEarly;
  expect_beams(backend, {asked, other}, tables);
}

}  // namespace

const std::vector<BeamTest>& beam_states() {
  static const std::vector<BeamTest> kTests = {
      {"MasksByState", masks_by_state},
      {"EndsByState", ends_by_state},
      {"StopStrings", stop_strings},
  };
  return kTests;
}

}  // namespace fllm::test
