// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/beam_arrays.h"
#include "tests/support/special_floats.h"

namespace fllm::test {
namespace {

bool operator==(const CountEntry& a, const CountEntry& b) {
  return a.id == b.id && a.output_count == b.output_count && a.repeated == b.repeated;
}

}  // namespace

void BeamBatch::compare(std::size_t index) {
  const OracleBeamSearch& oracle = *oracles_[index];
  const SearchMemory& memory = *memories_[index];
  const BeamState& state = searches_[index].state;
  ASSERT_EQ(state.done, oracle.done() ? 1 : 0);
  ASSERT_EQ(state.step, oracle.steps());
  compare_pool(index);
  if (!oracle.done()) compare_live(index, state);

  // A search that ends without a result takes nothing back.
  const bool dead_end = oracle.done() && oracle.result().empty();
  const std::vector<std::int32_t> proven = dead_end ? proven_[index] : oracle.proven();
  proven_[index] = proven;
  ASSERT_EQ(of(state.proven), proven.size());
  EXPECT_EQ(memory.news[0], static_cast<std::uint32_t>(2 * state.proven + state.done));
  EXPECT_EQ(memory.news[1], static_cast<std::uint32_t>(state.step));
  for (std::size_t i = 0; i < of(state.proven); ++i)
    ASSERT_EQ(memory.proven_tokens[i], proven[i]) << "proven token " << i;
}

void BeamBatch::compare_live(std::size_t index, const BeamState& state) {
  const OracleBeamSearch& oracle = *oracles_[index];
  const SearchMemory& memory = *memories_[index];
  const std::vector<OracleBeam> live = oracle.live();
  ASSERT_EQ(of(state.live_count), live.size());
  for (std::int32_t slot = 0; slot < cases_[index].rules.width; ++slot) {
    const bool lives = std::any_of(live.begin(), live.end(), [&](const OracleBeam& beam) { return beam.slot == slot; });
    ASSERT_EQ(memory.cum[of(slot)] > -kInfinity, lives) << "slot " << slot;
    ASSERT_TRUE(lives || memory.kept_ancestors(slot, oracle.steps())) << "slot " << slot;  // where its model row reads
  }
  EXPECT_LE(state.frozen, oracle.frozen());
  for (const OracleBeam& beam : live) {
    SCOPED_TRACE(testing::Message() << "beam " << beam.slot);
    ASSERT_EQ(memory.cum[of(beam.slot)], beam.cum);
    ASSERT_EQ(memory.traced(beam.slot, oracle.steps()), beam.tokens);
    ASSERT_EQ(memory.traced_logprobs(beam.slot, oracle.steps()), beam.logprobs);
    for (std::int32_t t = 0; t < oracle.steps(); ++t) ASSERT_EQ(memory.ancestor(t, beam.slot), beam.slots[of(t)]) << t;
    if (beam.mask_state >= 0) {
      ASSERT_EQ(memory.mask_states[of(beam.slot)], beam.mask_state);
    }
    if (beam.stop_state >= 0) {
      ASSERT_EQ(memory.stop_states[of(beam.slot)], beam.stop_state);
    }
  }
  compare_rows(index, live);
}

void BeamBatch::compare_rows(std::size_t index, const std::vector<OracleBeam>& live) {
  const BeamCase& asked = cases_[index];
  const std::int32_t steps = oracles_[index]->steps();
  const std::vector<RowSampling> sampling = device_->sampling.download("sampling");
  const std::vector<std::int32_t> tokens = device_->tokens.download("tokens");
  const std::vector<std::int32_t> positions = device_->positions.download("positions");
  const std::vector<std::int32_t> sizes = device_->history_sizes.download("history sizes");
  const std::vector<CountEntry> entries = device_->history.download("history");
  for (const OracleBeam& beam : live) {
    SCOPED_TRACE(testing::Message() << "beam " << beam.slot);
    const std::size_t row = of(asked.rules.first_row + beam.slot);
    EXPECT_EQ(tokens[row], beam.tokens.back());
    EXPECT_EQ(positions[row], asked.rules.prompt_count + steps - 1);
    EXPECT_EQ(sampling[row].generated, steps);
    EXPECT_EQ(sampling[row].random.position, asked.row.sampling.random.position + static_cast<std::uint32_t>(steps));
    EXPECT_EQ(sampling[row].random.sample, asked.row.sampling.random.sample + static_cast<std::uint32_t>(beam.slot));
    EXPECT_EQ(sampling[row].seed, asked.row.sampling.seed);
    if (beam.mask_state >= 0) {
      EXPECT_EQ(sampling[row].mask_row, tables_.mask_rows[of(beam.mask_state)]);
      const bool frees = (tables_.flags[of(beam.mask_state)] & kStateFreesEnds) != 0;
      EXPECT_EQ(sampling[row].min_tokens, frees ? 0 : asked.row.sampling.min_tokens);
    }
    if (!asked.histories) continue;
    const std::int32_t slot = asked.rules.first_slot + (steps % 2) * asked.rules.width + beam.slot;
    ASSERT_EQ(sampling[row].history_slot, slot);
    const std::vector<CountEntry> wanted = oracles_[index]->counts(beam);
    ASSERT_EQ(of(sizes[of(slot)]), wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      EXPECT_TRUE(entries[of(slot) * of(capacity_) + i] == wanted[i]) << "entry " << i;
    }
  }
}

void BeamBatch::compare_pool(std::size_t index) {
  const OracleBeamSearch& oracle = *oracles_[index];
  const SearchMemory& memory = *memories_[index];
  const BeamRules& rules = cases_[index].rules;
  const std::int32_t share = rules.width / rules.group_count;
  std::size_t total = 0;
  for (std::int32_t group = 0; group < rules.group_count; ++group) {
    const std::vector<OracleHypothesis>& pool = oracle.pool(group);
    total += pool.size();
    for (std::int32_t i = 0; i < share; ++i) {
      SCOPED_TRACE(testing::Message() << "pool of group " << group << ", place " << i);
      const BeamHypothesis& found = memory.pool[of(group * share + i)];
      if (of(i) >= pool.size()) {
        ASSERT_EQ(found.end, BeamEnd::kNone);
        continue;
      }
      const OracleHypothesis& wanted = pool[of(i)];
      ASSERT_EQ(found.end, wanted.end);
      ASSERT_EQ(of(found.length), wanted.tokens.size());
      ASSERT_EQ(found.token, wanted.tokens.back());
      ASSERT_EQ(found.score, wanted.score);
      ASSERT_EQ(found.cum, wanted.cum);
      ASSERT_EQ(found.logprob, wanted.logprobs.back());
      ASSERT_EQ(found.beam, wanted.beam);
      std::vector<std::int32_t> tokens = memory.traced(found.beam, found.length - 1);
      tokens.push_back(found.token);
      ASSERT_EQ(tokens, wanted.tokens);
    }
  }
  EXPECT_EQ(of(searches_[index].state.pool_count), total);
}

}  // namespace fllm::test
