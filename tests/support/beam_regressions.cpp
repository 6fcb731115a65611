// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/support/beam_cases.h"
#include "tests/support/beam_device.h"
#include "tests/support/beam_suite.h"
#include "tests/support/special_floats.h"

// What other engines' beam searches got wrong, each named after the report. Besides being held to the oracle, each result is
// looked at for what the report is about.
namespace fllm::test {
namespace {

constexpr std::int32_t kRegressionVocab = 40;

BeamCase random_case(std::uint64_t seed, std::int32_t width, std::int32_t ends, std::int32_t length, float boost) {
  TableShape shape;
  shape.vocab = kRegressionVocab;
  shape.seed = seed;
  shape.boosted = ends;
  shape.boost = boost;
  return beam_case(table_model(shape), kRegressionVocab, width, ends, length);
}

std::vector<OracleHypothesis> result_of(Backend& backend, const BeamCase& asked, const BeamTables& tables = {}) {
  BeamBatch batch(backend, LogitType::kFloat32, {asked}, tables);
  batch.run();
  return batch.oracle(0).result();
}

bool ends_with_one_of(const BeamCase& asked, const OracleHypothesis& found) {
  const auto& ids = asked.row.end_ids;
  return std::find(ids.begin(), ids.end(), found.tokens.back()) != ids.end();
}

/// A finished hypothesis keeps the score it ended with, and diversity is no part of it.
void finished_beams_do_not_inflate(Backend& backend) {
  BeamCase asked = random_case(1, 10, 1, 8, 2);
  asked.rules.group_count = 5;
  asked.rules.diversity_penalty = 1.5f;
  asked.rules.stop = BeamStop::kNeverEarly;
  for (const OracleHypothesis& found : result_of(backend, asked)) {
    float sum = 0;
    for (const float logprob : found.logprobs) sum += logprob;
    EXPECT_EQ(found.score, sum / asked.norms[found.tokens.size()]);
  }
}

/// More hypotheses end than the pool has room for, in one step and over several.
void pool_does_not_overflow(Backend& backend) {
  BeamCase asked = random_case(2, 9, 3, 8, 4);
  asked.rules.stop = BeamStop::kNeverEarly;
  EXPECT_EQ(result_of(backend, asked).size(), 9u);
}

/// The length of a hypothesis is its parent's and one, not that of whatever has its rank.
void length_is_of_the_parent(Backend& backend) {
  BeamCase asked = random_case(3, 9, 2, 8, 1.5f);
  asked.norms = power_norms(8, 1);
  asked.rules.stop = BeamStop::kNeverEarly;
  std::set<std::size_t> lengths;
  for (const OracleHypothesis& found : result_of(backend, asked)) {
    lengths.insert(found.tokens.size());
    EXPECT_EQ(found.score, found.cum / static_cast<float>(found.tokens.size()));
    const auto ends = std::count_if(found.tokens.begin(), found.tokens.end(), [](std::int32_t id) { return id < 2; });
    EXPECT_EQ(ends, ends_with_one_of(asked, found) ? 1 : 0);
  }
  EXPECT_GT(lengths.size(), 1u);
}

/// Every candidate of a step is an end: nothing lives on, and the search is over.
void step_of_ends_alone(Backend& backend) {
  std::vector<float> open(5, 0.0f), closed(5, -kInfinity);
  open[0] = -3;
  closed[0] = 1;
  const std::vector<OracleHypothesis> found =
      result_of(backend, beam_case(step_model({open, open, closed, open}), 5, 9, 1, 6));
  ASSERT_FALSE(found.empty());
  for (const OracleHypothesis& one : found) EXPECT_LE(one.tokens.size(), 3u);
}

/// Wide searches end at max_length, in whatever order their beams finished.
void wide_search_ends(Backend& backend) {
  BeamCase asked = random_case(4, 128, 1, 5, 1);
  asked.rules.stop = BeamStop::kNeverEarly;
  for (const OracleHypothesis& found : result_of(backend, asked)) EXPECT_LE(found.tokens.size(), 5u);
}

/// Stop ids beside the end id end beams like it.
void stop_ids_beside_the_end_id(Backend& backend) {
  BeamCase asked = random_case(5, 4, 3, 8, 2);
  asked.row.end_ids = {39, 0, 17};
  for (const OracleHypothesis& found : result_of(backend, asked)) {
    for (std::size_t i = 0; i + 1 < found.tokens.size(); ++i) {
      EXPECT_TRUE(found.tokens[i] != 39 && found.tokens[i] != 0 && found.tokens[i] != 17);
    }
  }
}

/// As many hypotheses as beams, all different.
void no_beam_is_lost(Backend& backend) {
  const std::vector<OracleHypothesis> found = result_of(backend, random_case(6, 100, 1, 4, 0));
  std::set<std::vector<std::int32_t>> different;
  for (const OracleHypothesis& one : found) different.insert(one.tokens);
  EXPECT_EQ(different.size(), 100u);
}

/// One lineage may end several times: a hypothesis, and another that went on where it could have ended.
void a_lineage_ends_several_times(Backend& backend) {
  const std::vector<float> row{2, 1, -2};  // the end, a token to go on with, another
  BeamCase asked = beam_case(step_model({row}), 3, 3, 1, 6);
  asked.norms = power_norms(6, 1);
  asked.rules.stop = BeamStop::kNeverEarly;
  const std::vector<OracleHypothesis> found = result_of(backend, asked);
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].tokens, (std::vector<std::int32_t>{0}));
  EXPECT_EQ(found[1].tokens, (std::vector<std::int32_t>{1, 0}));
  EXPECT_EQ(found[2].tokens, (std::vector<std::int32_t>{1, 1, 0}));
}

/// A ban holds in the step it is meant for, not one later.
void masks_are_not_late(Backend& backend) {
  BeamTables tables = letters(kRegressionVocab);
  BeamCase asked = random_case(8, 4, 0, 6, 0);
  asked.rules.mask_start = add_masks(tables, {{1, 2, 3}, {4, 5, 6}, {7, 8, 9}});
  for (const OracleHypothesis& found : result_of(backend, asked, tables)) {
    for (std::size_t i = 0; i < found.tokens.size(); ++i) {
      EXPECT_EQ((found.tokens[i] - 1) / 3, static_cast<std::int32_t>(i % 3));
    }
  }
}

/// Penalties see what a beam's own ancestors took, whichever slots they had.
void penalties_follow_the_parents(Backend& backend) {
  BeamCase asked = random_case(9, 6, 0, 9, 0);
  asked.histories = true;
  asked.row.sampling.presence_penalty = 2;
  asked.row.sampling.frequency_penalty = 2;
  asked.row.sampling.repetition_penalty = 100;
  for (const OracleHypothesis& found : result_of(backend, asked)) {
    const std::set<std::int32_t> different(found.tokens.begin(), found.tokens.end());
    EXPECT_EQ(different.size(), found.tokens.size());
  }
}

void stop_strings_end_beams(Backend& backend) {
  BeamTables tables = letters(26);
  TableShape shape;
  shape.vocab = 26;
  shape.order = 1;
  shape.grid = 0.5f;
  BeamCase asked = beam_case(table_model(shape), 26, 4, 0, 30);
  asked.rules.candidate_count = 8;
  const std::vector<OracleHypothesis> before = result_of(backend, asked, tables);
  ASSERT_FALSE(before.empty());
  const std::string stop{static_cast<char>('a' + before[0].tokens[3]), static_cast<char>('a' + before[0].tokens[4])};
  asked.rules.stop_start = add_stop_strings(tables, {stop});
  std::size_t stopped = 0;
  for (const OracleHypothesis& found : result_of(backend, asked, tables)) {
    std::string text;
    for (const std::int32_t id : found.tokens) text += tables.texts[static_cast<std::size_t>(id)];
    const std::size_t at = text.find(stop);
    EXPECT_EQ(at == std::string::npos ? text.size() : at + stop.size(), text.size());
    stopped += found.end == BeamEnd::kStopString ? 1u : 0u;
  }
  EXPECT_GT(stopped, 0u);
}

/// Without any end the search still ends.
void ends_without_an_end_token(Backend& backend) {
  for (const OracleHypothesis& found : result_of(backend, random_case(11, 5, 0, 12, 0))) {
    EXPECT_EQ(found.tokens.size(), 12u);
    EXPECT_EQ(found.end, BeamEnd::kLength);
  }
}

/// The end token counts, the prompt does not, whatever its length.
void length_counts_the_end_token(Backend& backend) {
  const std::vector<float> row{1, 2, 0};
  BeamCase asked = beam_case(step_model({row}), 3, 2, 1, 5);
  asked.rules.prompt_count = 1000;
  asked.norms = power_norms(5, 2);
  asked.rules.stop = BeamStop::kNeverEarly;
  for (const OracleHypothesis& found : result_of(backend, asked)) {
    const auto length = static_cast<float>(found.tokens.size());
    EXPECT_EQ(found.score, found.cum / (length * length));
  }
}

/// With a reward for length a full pool of short hypotheses does not end the exact rule, and does the heuristic.
void stop_rules_differ(Backend& backend) {
  BeamCase asked = random_case(4, 3, 1, 16, 3.5f);
  asked.norms = power_norms(16, 0.7);
  std::vector<BeamCase> cases;
  for (const BeamStop stop : {BeamStop::kFirstK, BeamStop::kHeuristic, BeamStop::kExact, BeamStop::kNeverEarly}) {
    cases.push_back(asked);
    cases.back().rules.stop = stop;
  }
  BeamBatch batch(backend, LogitType::kFloat32, cases, {});
  batch.run();
  EXPECT_LT(batch.oracle(0).steps(), batch.oracle(1).steps());
  EXPECT_LT(batch.oracle(1).steps(), batch.oracle(2).steps());
  EXPECT_LT(batch.oracle(2).steps(), batch.oracle(3).steps());
  EXPECT_GE(batch.oracle(2).result()[0].score, batch.oracle(1).result()[0].score);
  const auto exact = batch.oracle(2).result(), full = batch.oracle(3).result();
  ASSERT_EQ(exact.size(), full.size());
  for (std::size_t i = 0; i < exact.size(); ++i) EXPECT_EQ(exact[i].tokens, full[i].tokens);
}

/// Log-probabilities are those of the hypothesis' own row, not of another beam's.
void logprobs_are_of_the_own_row(Backend& backend) {
  const BeamCase asked = random_case(13, 4, 1, 6, 1);
  for (const OracleHypothesis& found : result_of(backend, asked)) {
    std::vector<std::int32_t> before;
    for (std::size_t i = 0; i < found.tokens.size(); ++i) {
      EXPECT_EQ(found.logprobs[i], oracle_log_softmax(asked.model(before))[static_cast<std::size_t>(found.tokens[i])]);
      before.push_back(found.tokens[i]);
    }
  }
}

/// Sums over many tokens stay those of the tokens in their order.
void long_sums(Backend& backend) {
  BeamCase asked = random_case(14, 2, 1, 70, -30);
  asked.rules.stop = BeamStop::kNeverEarly;
  const std::vector<OracleHypothesis> found = result_of(backend, asked);
  EXPECT_EQ(found.size(), 2u);
}

}  // namespace

const std::vector<BeamTest>& beam_regressions() {
  static const std::vector<BeamTest> kTests = {
      {"FinishedBeamsDoNotInflateTheirScore_TensorRtLlm15621", finished_beams_do_not_inflate},
      {"PoolDoesNotOverflow_TensorRtLlm15621", pool_does_not_overflow},
      {"LengthIsOfTheParent_TensorRtLlm15621", length_is_of_the_parent},
      {"StepOfEndsAlone_TensorRtLlm15621", step_of_ends_alone},
      {"WideSearchEnds_TensorRtLlm12842", wide_search_ends},
      {"StopIdsBesideTheEndId_TensorRtLlm7145", stop_ids_beside_the_end_id},
      {"NoBeamIsLost_TensorRtLlm19407", no_beam_is_lost},
      {"ALineageEndsSeveralTimes_TensorRtLlm16620", a_lineage_ends_several_times},
      {"MasksAreNotLate_TensorRtLlm16594", masks_are_not_late},
      {"PenaltiesFollowTheParents_TensorRtLlm690", penalties_follow_the_parents},
      {"StopStringsEndBeams_Vllm9253", stop_strings_end_beams},
      {"EndsWithoutAnEndToken_Vllm7965", ends_without_an_end_token},
      {"LengthCountsTheEndToken_HuggingFace8722", length_counts_the_end_token},
      {"StopRulesDiffer_HuggingFace20901", stop_rules_differ},
      {"LogprobsAreOfTheOwnRow_CTranslate2", logprobs_are_of_the_own_row},
      {"LongSums", long_sums},
  };
  return kTests;
}

}  // namespace fllm::test
