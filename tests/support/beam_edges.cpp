// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/beam_cases.h"
#include "tests/support/beam_device.h"
#include "tests/support/beam_suite.h"
#include "tests/support/expect_error.h"
#include "tests/support/special_floats.h"

namespace fllm::test {
namespace {

constexpr std::int32_t kVocab = 23;

TableModel model(std::int32_t vocab, std::uint64_t seed, std::int32_t boosted = 0, float boost = 0) {
  TableShape shape;
  shape.vocab = vocab;
  shape.seed = seed;
  shape.boosted = boosted;
  shape.boost = boost;
  return table_model(shape);
}

constexpr BeamStop kStops[] = {BeamStop::kExact, BeamStop::kFirstK, BeamStop::kHeuristic, BeamStop::kNeverEarly,
                               BeamStop::kLeader};

/// Of every stop rule.
std::vector<BeamCase> every_stop(const BeamCase& asked) {
  std::vector<BeamCase> cases;
  for (const BeamStop stop : kStops) {
    cases.push_back(asked);
    cases.back().rules.stop = stop;
    cases.back().rules.stop_count = (asked.rules.width + 1) / 2;
  }
  return cases;
}

/// Width 1 takes the most likely token, of equal ones the lowest id, until the first end.
void width_one_is_greedy(Backend& backend) {
  std::vector<BeamCase> cases;
  for (std::uint64_t seed = 1; seed < 8; ++seed) {
    TableShape shape;
    shape.vocab = kVocab;
    shape.seed = seed;
    shape.grid = 0.5f;
    cases.push_back(beam_case(table_model(shape), kVocab, 1, 2, 9));
  }
  BeamBatch batch(backend, LogitType::kFloat32, cases, {});
  batch.run();
  for (std::size_t i = 0; i < cases.size(); ++i) {
    std::vector<std::int32_t> greedy;
    do {
      const std::vector<float> row = cases[i].model(greedy);
      greedy.push_back(static_cast<std::int32_t>(std::max_element(row.begin(), row.end()) - row.begin()));
    } while (greedy.back() > 1 && greedy.size() < 9);
    EXPECT_EQ(batch.oracle(i).result()[0].tokens, greedy) << i;
  }
}

void fewer_tokens_than_candidates(Backend& backend) {
  for (const std::int32_t vocab : {1, 2, 3, 4}) {
    std::vector<BeamCase> cases;
    for (const std::int32_t ends : {0, 1, 2, 3}) {
      if (ends > vocab) continue;
      const BeamCase asked = beam_case(model(vocab, 5), vocab, 6, ends, 6);
      const std::vector<BeamCase> stops = vocab == 3 ? every_stop(asked) : std::vector<BeamCase>{asked};
      cases.insert(cases.end(), stops.begin(), stops.end());
    }
    expect_beams(backend, cases);
  }
}

/// Ends are so likely that the first K candidates, or all, are ends.
void best_candidates_all_end(Backend& backend) {
  for (const float boost : {3.0f, 60.0f}) {
    expect_beams(backend, every_stop(beam_case(model(kVocab, 3, 3, boost), kVocab, 4, 3, 5)));
  }
}

void several_end_ids(Backend& backend) {
  std::vector<BeamCase> cases;
  for (const std::int32_t ends : {0, 1, 2, 5, 23})
    cases.push_back(beam_case(model(kVocab, 4, 5, 2), kVocab, 5, ends, 8));
  cases.push_back(cases[2]);
  cases.back().rules.candidate_count = 5;  // too few to replace those that end
  expect_beams(backend, cases);
}

/// End ids at the best ranks are forbidden, and stop strings do not end, before min_tokens.
void ends_wait_for_min_tokens(Backend& backend) {
  BeamTables tables = letters(kVocab);
  const std::int32_t stops = add_stop_strings(tables, {"d", "ef"});
  std::vector<BeamCase> cases;
  for (const std::int32_t min_tokens : {0, 1, 2, 6, 7, 100}) {
    BeamCase asked = beam_case(model(kVocab, 6, 6, 3), kVocab, 4, 2, 7);
    asked.row.sampling.min_tokens = min_tokens;
    asked.rules.stop_start = stops;
    cases.push_back(asked);
  }
  BeamBatch batch(backend, LogitType::kFloat32, cases, tables);
  batch.run();
  for (std::size_t i = 0; i < cases.size(); ++i) {
    for (const OracleHypothesis& found : batch.oracle(i).result()) {
      EXPECT_GE(static_cast<std::int32_t>(found.tokens.size()), std::min(cases[i].row.sampling.min_tokens + 1, 7));
    }
  }
}

/// Beams all of whose tokens are forbidden die, some or all of them.
void dead_ends(Backend& backend) {
  const std::vector<float> alive{0, 1, 2, 1.5f, 0.5f}, dead(5, -kInfinity), not_numbers(5, kNan);
  std::vector<float> one = dead;
  one[3] = 0.5f;
  std::vector<BeamCase> cases;
  for (const auto& rows : std::vector<std::vector<std::vector<float>>>{
           {dead}, {alive, dead}, {alive, not_numbers}, {alive, one}, {one, alive, one, dead}, {alive, alive, one}}) {
    for (const std::int32_t ends : {0, 1}) cases.push_back(beam_case(step_model(rows), 5, 3, ends, 4));
  }
  const auto some = [&](const auto& tokens) { return tokens.empty() || tokens.back() % 2 != 0 ? alive : dead; };
  cases.push_back(beam_case(some, 5, 4, 1, 5));
  const auto one_of_three = [&](const auto& tokens) {
    return tokens.size() != 1 ? alive : tokens[0] == 2 ? one : dead;
  };
  cases.push_back(beam_case(one_of_three, 5, 3, 0, 4));
  BeamBatch batch(backend, LogitType::kFloat32, cases, {});
  batch.run();
  EXPECT_TRUE(batch.oracle(0).result().empty());
  EXPECT_TRUE(batch.oracle(0).done());
}

/// Equal ranks: by beam, then by token. Equal scores: the earlier one stays in front.
void ties(Backend& backend) {
  std::vector<BeamCase> cases;
  for (const std::int32_t ends : {0, 1, 3}) {
    for (const std::int32_t width : {2, 3, 7}) {
      BeamCase flat = beam_case(step_model({std::vector<float>(kVocab, 1.0f)}), kVocab, width, ends, 5);
      flat.norms = no_norms(5);
      const std::vector<BeamCase> stops = width == 3 ? every_stop(flat) : std::vector<BeamCase>{flat};
      cases.insert(cases.end(), stops.begin(), stops.end());
    }
  }
  expect_beams(backend, cases);
}

/// Behind a sum of -2^14 hundreds of logits round to one rank: the lowest ids come first, not the largest logits.
void equal_ranks_of_different_logits(Backend& backend) {
  std::vector<float> first(200, 0.0f), second(200);
  first[0] = 0x1p14f;  // banned behind the softmax, so that little is left for the others
  for (std::size_t id = 0; id < second.size(); ++id) second[id] = static_cast<float>(id) * 0x1p-20f;
  BeamCase asked = beam_case(step_model({first, second}), 200, 3, 0, 3);
  asked.rules.edits_after_softmax = 1;
  asked.row.bans = {0};
  expect_beams(backend, {asked});
}

/// Certain ends, which add nothing to the sum: with no norm they score what earlier ones did, and never displace them.
void equal_scores(Backend& backend) {
  const float sure = kInfinity;
  std::vector<BeamCase> cases;
  for (const std::int32_t width : {2, 3}) {
    BeamCase asked = beam_case(step_model({{1, 1, 1, 1}, {1, 1, 1, sure}, {sure, 1, 1, 1}}), 4, width, 2, 4);
    asked.norms = no_norms(4);
    for (const BeamCase& each : every_stop(asked)) cases.push_back(each);
  }
  // One that is equal to two.
  cases.push_back(beam_case(step_model({{1, 1, 1, -kInfinity}, {1, 1, sure, 1}, {sure, 1, 1, 1}}), 4, 3, 2, 4));
  cases.back().norms = no_norms(4);
  expect_beams(backend, cases);
}

/// At max_length everything ends, whether the pool is empty, partly filled or full.
void longest_length(Backend& backend) {
  std::vector<BeamCase> cases;
  for (const std::int32_t length : {1, 2, 6}) {
    for (const float boost : {-60.0f, 1.0f, 4.0f}) {
      BeamCase asked = beam_case(model(kVocab, 8, 1, boost), kVocab, 4, 1, length);
      asked.rules.stop = BeamStop::kNeverEarly;
      cases.push_back(asked);
    }
  }
  expect_beams(backend, cases);
}

void negative_alpha(Backend& backend) {
  std::vector<BeamCase> cases;
  // The pool is full in step 2; the next length could still beat its last one, the longest could not.
  BeamCase short_ones = beam_case(step_model({{-1.2f, -0.9f, -1.2f}}), 3, 2, 1, 9);
  short_ones.norms = power_norms(9, -0.3);
  expect_beams(backend, {short_ones});
  for (const double alpha : {-0.5, -1.0, -3.0}) {
    for (BeamCase asked : every_stop(beam_case(model(kVocab, 9, 1, 1), kVocab, 3, 1, 6))) {
      if (alpha != -1.0 && asked.rules.stop != BeamStop::kExact) continue;
      asked.norms = power_norms(6, alpha);
      cases.push_back(asked);
    }
  }
  expect_beams(backend, cases);
}

/// Edits behind the softmax can make a sum grow above 0.
void sums_that_grow(Backend& backend) {
  BeamCase asked = beam_case(model(kVocab, 10, 1, 1), kVocab, 3, 1, 6);
  asked.rules.edits_after_softmax = 1;
  asked.row.bias = {{2, 9.0f}, {0, 5.0f}, {7, -2.0f}};
  asked.row.bans = {11};
  std::vector<BeamCase> cases = every_stop(asked);
  cases.push_back(asked);
  cases.back().rules.edits_after_softmax = 0;
  expect_beams(backend, cases);
}

/// +inf and NaN among the logits, on ids that end and ids that do not.
void infinite_logits(Backend& backend) {
  std::vector<BeamCase> cases;
  for (const std::int32_t id : {0, 2, 4}) {
    std::vector<float> first{1, 0, 2, 0, 1}, second{0.5f, kNan, 1, 2, kNan};
    first[static_cast<std::size_t>(id)] = kInfinity;
    for (const std::uint8_t after : {0, 1}) {
      for (const bool banned : {false, true}) {
        BeamCase asked = beam_case(step_model({second, first, second}), 5, 3, 1, 4);
        asked.rules.edits_after_softmax = after;
        if (banned) asked.row.bans = {id};
        asked.row.bias = {{3, 1.0f}};
        cases.push_back(asked);
      }
    }
  }
  std::vector<float> both{0, kInfinity, 1, kInfinity, kNan};
  cases.push_back(beam_case(step_model({both}), 5, 2, 0, 3));
  expect_beams(backend, cases);
}

/// Sums so far apart that differences overflow: such tokens cannot be taken.
void overflowing_logits(Backend& backend) {
  const std::vector<float> wide{kLargest, -kLargest, 0, kLargest, -1}, far{0, -kLargest, -kLargest, -0x1p100f, -1};
  expect_beams(backend, {beam_case(step_model({wide}), 5, 4, 1, 4), beam_case(step_model({far}), 5, 5, 1, 6)});
}

/// Searches of other widths, lengths, rules and norms do not show in each other.
void different_searches_together(Backend& backend) {
  std::vector<BeamCase> cases;
  for (const std::int32_t width : {1, 2, 5, 8, 1, 3}) {
    BeamCase asked = beam_case(model(kVocab, static_cast<std::uint64_t>(width), 2, 1), kVocab, width, width % 3,
                               3 + static_cast<std::int32_t>(cases.size()));
    asked.rules.stop = kStops[cases.size() % 5];
    asked.norms = power_norms(asked.rules.max_length, 0.5 * width - 1);
    cases.push_back(asked);
  }
  expect_beams(backend, cases);
}

/// Repetition, frequency and presence penalties count what each beam's own ancestors have.
void penalties(Backend& backend) {
  std::vector<BeamCase> cases;
  for (const std::uint8_t after : {0, 1}) {
    BeamCase asked = beam_case(model(9, 14), 9, 5, 1, 10);
    asked.histories = true;
    asked.rules.edits_after_softmax = after;
    asked.row.sampling.repetition_penalty = 1.5f;
    asked.row.sampling.frequency_penalty = 0.75f;
    asked.row.sampling.presence_penalty = -0.5f;
    asked.row.counts = {{3, 0, 1}, {8, 2, 0}};
    cases.push_back(asked);
    asked.history_capacity = 5;  // too small for all
    cases.push_back(asked);
    asked.histories = false;
    cases.push_back(asked);
  }
  expect_beams(backend, cases);
}

/// Drawn without replacement: temperature and filters, and the bits of each position and beam.
void drawn_beams(Backend& backend) {
  std::vector<BeamCase> cases;
  for (const std::int32_t width : {1, 2, 5}) {
    BeamCase asked = beam_case(model(kVocab, 15, 1, 1), kVocab, width, 1, 7);
    asked.rules.sampled = 1;
    asked.row.sampling.seed = 0x123456789abcdefu;
    cases.push_back(asked);
    asked.row.sampling.temperature = 0.5f;
    asked.row.sampling.top_k = 4;
    cases.push_back(asked);
    asked.row.sampling.temperature = 2;
    asked.row.sampling.top_k = 0;
    asked.row.sampling.top_p = 0xc0000000u;
    asked.row.sampling.top_p_on = 1;
    asked.row.sampling.min_mass = Mass{1} << 36;
    asked.row.sampling.random = {9, 3, RandomStream::kBeam, 0};
    asked.row.sampling.seed = 77;
    cases.push_back(asked);
    asked.row.sampling.temperature = 0;
    cases.push_back(asked);
  }
  expect_beams(backend, cases);
}

/// Groups take turns, each keeping away from what the ones before it go on with; no sum shows it.
void diverse_groups(Backend& backend) {
  std::vector<BeamCase> cases;
  for (const std::int32_t groups : {2, 3, 6}) {
    for (const float penalty : {0.0f, 0.75f, 30.0f}) {
      for (BeamCase asked : every_stop(beam_case(model(kVocab, 16, 2, 1.5f), kVocab, 6, 2, 5))) {
        if (asked.rules.stop == BeamStop::kLeader) continue;  // refused with groups
        const bool one_rule = groups != 3 || penalty != 0.75f;
        if (one_rule && asked.rules.stop != BeamStop::kExact) continue;
        asked.rules.group_count = groups;
        asked.rules.diversity_penalty = penalty;
        cases.push_back(asked);
      }
    }
  }
  cases.push_back(beam_case(model(kVocab, 18), kVocab, 6, 0, 1));  // the longest is the first
  cases.back().rules.group_count = 3;
  cases.back().rules.diversity_penalty = 2;
  BeamBatch batch(backend, LogitType::kFloat32, cases, {});
  batch.run();
  for (std::size_t i = 0; i < cases.size(); ++i) {
    for (const OracleHypothesis& found : batch.oracle(i).result()) {
      float sum = 0;
      for (const float logprob : found.logprobs) sum += logprob;
      EXPECT_EQ(found.cum, sum);
    }
  }
}

void logits_of_16_bits(Backend& backend) {
  expect_error(ErrorCode::kUnsupported, {"16 bits", "binary32"},
               [&] { expect_beams(backend, {beam_case(model(64, 1), 64, 6, 2, 6)}, {}, LogitType::kBFloat16); });
}

}  // namespace

const std::vector<BeamTest>& beam_edges() {
  static const std::vector<BeamTest> kTests = {
      {"WidthOneIsGreedy", width_one_is_greedy},
      {"FewerTokensThanCandidates", fewer_tokens_than_candidates},
      {"BestCandidatesAllEnd", best_candidates_all_end},
      {"SeveralEndIds", several_end_ids},
      {"EndsWaitForMinTokens", ends_wait_for_min_tokens},
      {"DeadEnds", dead_ends},
      {"EqualScores", equal_scores},
      {"MoreEqualCandidatesThanAreSorted", run_equal_candidates},
      {"EqualRanksOfDifferentLogits", equal_ranks_of_different_logits},
      {"Ties", ties},
      {"LongestLength", longest_length},
      {"NegativeAlpha", negative_alpha},
      {"SumsThatGrow", sums_that_grow},
      {"InfiniteLogits", infinite_logits},
      {"OverflowingLogits", overflowing_logits},
      {"DifferentSearchesTogether", different_searches_together},
      {"Penalties", penalties},
      {"DrawnBeams", drawn_beams},
      {"DrawnFromManyTokens", run_drawn_rows},
      {"DiverseGroups", diverse_groups},
      {"LogitsOf16Bits", logits_of_16_bits},
  };
  return kTests;
}

}  // namespace fllm::test
