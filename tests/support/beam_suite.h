// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <ostream>
#include <vector>

#include "cuda/backend/backend.h"
#include "tests/support/beam_device.h"
#include "tests/support/sample_suite.h"

// Beam search through any backend, held to the oracle after every step: tokens, sums, scores, parents, ancestors, the pool
// and what the next step reads, all equal.
namespace fllm::test {

struct BeamTest {
  const char* name;
  void (*run)(Backend& backend);

  friend std::ostream& operator<<(std::ostream& out, const BeamTest& test) { return out << test.name; }
};

/// The cases of docs/beam_search.md one by one.
[[nodiscard]] const std::vector<BeamTest>& beam_edges();
/// Beams that follow automata: masks, ends and stop strings by state.
[[nodiscard]] const std::vector<BeamTest>& beam_states();
/// What went wrong in other beam searches.
[[nodiscard]] const std::vector<BeamTest>& beam_regressions();

inline std::string beam_test_name(const testing::TestParamInfo<BeamTest>& info) { return info.param.name; }

/// Batches of random searches: widths to 64, vocabularies from 2 to 500, every rule, norm and edit.
void run_random_beams(Backend& backend, SuiteSize size);
/// Every width from 1 to 64 over a vocabulary smaller than most and one larger than all.
void run_every_width(Backend& backend);
/// Memory that makes no sense leads nowhere.
void run_garbage_beams(Backend& backend, SuiteSize size);
/// Far more tokens than can be among the first: of equal chances; with nearly all of the mass on one, or on a few.
void run_drawn_rows(Backend& backend);
/// The first of so many that are equal are found by their places alone.
void run_equal_candidates(Backend& backend);
/// Rows long enough for several blocks each.
void run_spread_beams(Backend& backend);
/// Whole searches of several widths, rules and lengths as one piece of recorded work.
void run_recorded_beams(Backend& backend, const BeamBatch::Record& record);
/// Widths to kMaxBeamWidth over few steps.
void run_wide_beams(Backend& backend, SuiteSize size);

}  // namespace fllm::test
