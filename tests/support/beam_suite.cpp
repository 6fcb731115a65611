// SPDX-License-Identifier: Apache-2.0
#include "tests/support/beam_suite.h"

#include <array>

#include "tests/support/beam_cases.h"
#include "tests/support/beam_device.h"
#include "tests/support/special_floats.h"

namespace fllm::test {

void run_random_beams(Backend& backend, SuiteSize size) {
  struct Shape {
    std::int32_t vocab, widest, searches;
  };
  static constexpr Shape kShapes[] = {{2, 4, 6}, {3, 8, 6}, {7, 6, 6}, {31, 9, 5}, {100, 16, 4}, {500, 64, 3}};
  const int rounds = size == SuiteSize::kFull ? 20 : 1;
  Random random(20);
  for (const Shape& shape : kShapes) {
    if (size == SuiteSize::kFew && shape.vocab > 31) continue;  // as those before, with more of it
    const std::int32_t searches = size == SuiteSize::kFew ? shape.searches / 2 : shape.searches;
    for (int round = 0; round < rounds && !testing::Test::HasFailure(); ++round) {
      SCOPED_TRACE(testing::Message() << "vocabulary of " << shape.vocab << ", round " << round);
      std::vector<BeamCase> cases;
      cases.reserve(static_cast<std::size_t>(searches));
      for (std::int32_t i = 0; i < searches; ++i) {
        cases.push_back(random_beam_case(random, shape.vocab, shape.widest));
      }
      expect_beams(backend, cases);
    }
  }
}

void run_every_width(Backend& backend) {
  for (const std::int32_t vocab : {30, 333}) {
    for (std::int32_t first = 1; first <= 64; first += 8) {
      TableShape shape;
      shape.vocab = vocab;
      shape.seed = static_cast<std::uint64_t>(first);
      shape.boosted = 2;
      shape.boost = 1;
      std::vector<BeamCase> cases;
      for (std::int32_t width = first; width < first + 8; ++width) {
        cases.push_back(beam_case(table_model(shape), vocab, width, width % 3, 3 + width % 3));
      }
      expect_beams(backend, cases);
    }
  }
}

void run_drawn_rows(Backend& backend) {
  TableShape shape;
  shape.vocab = 1500;
  shape.boost = 13;
  std::vector<BeamCase> cases;
  for (const std::int32_t likely : {0, 1, 40}) {
    shape.boosted = likely;
    cases.push_back(beam_case(table_model(shape), shape.vocab, 3, 1, 2));
    cases.back().rules.sampled = 1;
  }
  cases.push_back(cases.front());
  cases.back().row.sampling.top_p = 0x40000000u;
  cases.back().row.sampling.top_p_on = 1;
  expect_beams(backend, cases);
}

void run_equal_candidates(Backend& backend) {
  const std::vector<float> flat(300, 1.0f);
  std::vector<float> two(300, -kInfinity);
  two[0] = two[1] = 1;
  expect_beams(backend, {beam_case(step_model({two, flat}), 300, 256, 0, 2)});
}

void run_spread_beams(Backend& backend) {
  TableShape shape;
  shape.vocab = 5000;
  shape.boosted = 1;
  shape.boost = 3;
  std::vector<BeamCase> cases;
  for (const float grid : {0.0f, 1.0f}) {  // all different; and more that are equal than are listed
    shape.grid = grid;
    cases.push_back(beam_case(table_model(shape), shape.vocab, 4, 1, 2));
    cases.push_back(cases.back());
    cases.back().rules.sampled = 1;
    cases.back().row.sampling.top_k = grid == 0 ? 3000 : 300;
    cases.push_back(cases[cases.size() - 2]);
    cases.back().rules.edits_after_softmax = 1;
    cases.back().row.bans = {5, 4000};
  }
  expect_beams(backend, cases);
}

void run_recorded_beams(Backend& backend, const BeamBatch::Record& record) {
  constexpr std::int32_t kVocab = 40;
  TableShape shape;
  shape.vocab = kVocab;
  shape.order = 1;
  shape.boosted = 2;
  shape.boost = 1.5f;
  std::vector<BeamCase> cases;
  for (const std::int32_t width : {1, 3, 8}) {
    shape.seed += 1;
    cases.push_back(beam_case(table_model(shape), kVocab, width, 2, 6 + width));
  }
  cases[1].rules.stop = BeamStop::kNeverEarly;
  cases[2].rules.stop = BeamStop::kFirstK;
  BeamBatch(backend, LogitType::kFloat32, cases, {}).run_recorded(record);
}

void run_wide_beams(Backend& backend, SuiteSize size) {
  struct Shape {
    std::int32_t vocab, width, ends, length;
    float grid;
  };
  static constexpr Shape kShapes[] = {
      {300, 64, 2, 4, 0}, {500, 200, 1, 4, 0.5f}, {700, 256, 1, 3, 0}, {300, 257, 3, 3, 0.25f}, {3000, 1024, 7, 3, 2}};
  for (const Shape& shape : kShapes) {
    if (size != SuiteSize::kFull && shape.width > 64) continue;
    SCOPED_TRACE(testing::Message() << "vocabulary of " << shape.vocab);
    TableShape table;
    table.vocab = shape.vocab;
    table.grid = shape.grid;
    table.boosted = shape.ends;
    table.boost = 1;
    expect_beams(backend, {beam_case(table_model(table), shape.vocab, shape.width, shape.ends, shape.length)});
  }
}

}  // namespace fllm::test
