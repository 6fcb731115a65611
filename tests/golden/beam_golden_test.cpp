// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/beam_cases.h"

// The profiles of docs/beam_search.md against what those packages found (make_beam_goldens.py).
namespace fllm::test {
namespace {

using nlohmann::json;

const json& goldens() {
  static const json kAll = json::parse(std::ifstream(FLLM_BEAM_GOLDENS));
  return kAll;
}

std::size_t prompt_count(const json& golden) { return golden["results"].size(); }

/// Up to 8 tokens of at most 12 nats. A log-probability is off by less than 1e-6 from the true one on either side (exp2, log
/// and the rounding of numbers below 16), a sum below 128 by 4e-6 for each addition; alpha -1 multiplies by the length.
double tolerance(const json& golden) {
  const double length = golden["length"];
  return length * 1e-5 * std::pow(length, std::max(0.0, -golden["alpha"].get<double>()));
}

std::vector<OracleHypothesis> run(const BeamCase& asked) {
  const BeamTables tables;
  OracleBeamSearch search(asked, tables);
  search.run();
  return search.result();
}

/// Tokens one by one, scores within the tolerance.
void expect_found(const std::vector<OracleHypothesis>& found, const json& wanted, bool with_end, double tolerance) {
  ASSERT_GE(found.size(), wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    std::vector<std::int32_t> tokens = found[i].tokens;
    if (!with_end && found[i].end == BeamEnd::kEndToken) tokens.pop_back();
    EXPECT_EQ(tokens, wanted[i][0].get<std::vector<std::int32_t>>()) << "hypothesis " << i;
    EXPECT_NEAR(found[i].score, wanted[i][1].get<double>(), tolerance) << "hypothesis " << i;
  }
}

/// Hugging Face: log-softmax before the edits, lengths to a power, and the stop rule that early_stopping means.
BeamCase hugging_face(const json& golden, std::size_t request) {
  const json& shape = golden["shape"];
  TableShape table;
  table.vocab = shape["vocab"];
  table.seed = golden["seeds"][request];
  table.order = shape["order"];
  table.spread = shape["spread"];
  table.boosted = shape["boosted"];
  table.boost = shape["boost"];
  const std::int32_t width = golden["width"], ends = golden["ends"], length = golden["length"];
  const double alpha = golden["alpha"];
  BeamCase asked = beam_case(table_model(table), table.vocab, width, ends, length);
  asked.norms = power_norms(length, alpha);
  asked.rules.edits_after_softmax = 1;
  asked.rules.candidate_count = std::max(2, 1 + ends) * width;
  const std::string early = golden["early_stopping"];
  asked.rules.stop = early == "True"                 ? BeamStop::kFirstK
                     : early == "never" && alpha > 0 ? BeamStop::kExact
                                                     : BeamStop::kHeuristic;
  const json& edits = golden["edits"];
  if (edits.is_null()) return asked;
  asked.histories = true;
  asked.row.sampling.repetition_penalty = edits["repetition"];
  asked.row.sampling.min_tokens = edits["min_tokens"];
  asked.row.bans = edits["bans"].get<std::vector<std::int32_t>>();
  for (const std::int32_t id : {static_cast<std::int32_t>(table.seed), 7, 5}) {  // the prompt
    if (id != 7 && id != 5) asked.row.counts.push_back({id, 0, 1});
  }
  asked.row.counts.push_back({7, 0, 1});
  asked.row.counts.push_back({5, 0, 1});
  return asked;
}

/// CTranslate2: 2 K candidates, lengths to a power, and its two stop rules.
BeamCase ctranslate2(const json& golden, std::size_t request) {
  std::vector<std::vector<float>> logits;
  for (const json& row : goldens()["ct2_logits"]) logits.push_back(row.get<std::vector<float>>());
  const auto vocab = static_cast<std::int32_t>(logits.size());
  const std::size_t first = golden["prompts"][request];
  const std::int32_t width = golden["width"], length = golden["length"];
  const double alpha = golden["alpha"];
  const TableModel model = [logits, first](const std::vector<std::int32_t>& generated) {
    return logits[generated.empty() ? first : static_cast<std::size_t>(generated.back())];
  };
  BeamCase asked = beam_case(model, vocab, width, 1, length);
  asked.row.end_ids = golden["ends"].get<std::vector<std::int32_t>>();
  asked.norms = power_norms(length, alpha);
  if (width > 1) asked.rules.candidate_count = 2 * width;
  asked.rules.stop = alpha == 0 ? BeamStop::kLeader : BeamStop::kFirstK;
  asked.rules.stop_count = golden["count"];
  asked.row.sampling.min_tokens = golden["min_tokens"];
  asked.row.sampling.repetition_penalty = golden["repetition"];
  asked.histories = true;
  return asked;
}

TEST(BeamGoldens, HuggingFace) {
  std::size_t searches = 0;
  for (const json& golden : goldens()["hf"]) {
    SCOPED_TRACE(golden.dump().substr(0, 250));
    for (std::size_t i = 0; i < prompt_count(golden); ++i, ++searches) {
      expect_found(run(hugging_face(golden, i)), golden["results"][i], true, tolerance(golden));
    }
  }
  EXPECT_EQ(searches, 360u);
}

TEST(BeamGoldens, CTranslate2) {
  std::size_t searches = 0;
  for (const json& golden : goldens()["ct2"]) {
    SCOPED_TRACE(golden.dump().substr(0, 200));
    for (std::size_t i = 0; i < prompt_count(golden); ++i, ++searches) {
      expect_found(run(ctranslate2(golden, i)), golden["results"][i], false, tolerance(golden));
    }
  }
  EXPECT_EQ(searches, 254u);
}

}  // namespace
}  // namespace fllm::test
