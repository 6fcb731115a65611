// SPDX-License-Identifier: Apache-2.0
#include "tests/support/draft_loop_suite.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <random>

#include "tests/support/draft_loop_batch.h"
#include "tests/support/expect_error.h"
#include "tests/support/fewer.h"

namespace fllm::test {

void run_draft_loop_steps(Backend& backend, SuiteSize size) {
  const bool few = size == SuiteSize::kFew || kFewer > 1;
  DraftCases with_model, without;
  std::size_t live = 0, rows = 0;
  for (std::uint32_t seed = 1; seed <= 8; ++seed) {  // each gives an automaton of its own, of which much depends
    std::mt19937 random(seed);
    for (const DraftLoopShape& shape : {DraftLoopShape{1, 1, 1},
                                        {7, 16, 3},
                                        {.rows = few ? 10 : 40, .drafts = 2, .depth = 2},
                                        {.rows = 44, .drafts = 5, .depth = 2, .has_model = false}}) {
      SCOPED_TRACE(testing::Message() << shape.rows << " rows, " << shape.drafts << " drafts, seed " << seed);
      DraftLoopBatch batch(backend, shape, random, shape.has_model ? with_model : without);
      for (int step = 0; step < (few ? 3 : 6); ++step) {
        batch.step();
        if (testing::Test::HasFailure()) return;
      }
      live += batch.live();
      rows += static_cast<std::size_t>(shape.rows);
    }
  }
  EXPECT_GT(live, rows / 20);
  EXPECT_LT(live, rows * 3 / 4);
  EXPECT_GT(with_model.accepted, 40);
  EXPECT_GT(without.accepted, 40);
  EXPECT_GT(without.forced, 40);
  EXPECT_GT(without.spelled, 40);
  EXPECT_GT(without.found, 40);
  EXPECT_GT(without.whole, 8);
  EXPECT_GT(without.strange, 8);
  EXPECT_GT(without.waits, 4);
  EXPECT_GT(without.forced_guesses, 4);
  EXPECT_GT(without.found_behind, 8);
}

void run_draft_loop_refusals(Backend& backend) {
  std::int32_t number = 0;
  SampleDetail detail{};
  RowSampling sampling;
  ResidentRow state;
  DraftingRow drafting;
  DraftRow judged;
  std::uint32_t words[2] = {};
  double sums[2] = {};
  DraftLoopParams good;
  good.rows = good.drafts = good.index = 1;
  good.drawing = 1;
  good.slots = 2;
  good.states = &state;
  good.drafting = &drafting;
  good.end_ids = good.accepted_counts = good.tokens = good.drawn = &number;
  good.feed = good.draft_feed = {&number, &number, &number, 0, 1};
  good.sampling = good.draft_sampling = &sampling;
  good.draft_ids = &number;
  good.vocab = 1;
  good.allow_mask = words;
  good.mask_words = 1;
  good.texts = {&number, 1};
  good.judged = &judged;
  good.details = good.proposed_details = &detail;
  good.ring = {words, sums, sums, 1, 2};
  const auto refused = [&](const char* part, const std::function<void(DraftLoopParams&)>& change) {
    DraftLoopParams wrong = good;
    change(wrong);
    expect_error(ErrorCode::kInvalidArgument, {"extend_drafts: ", part}, [&] { backend.extend_drafts(wrong); });
    expect_error(ErrorCode::kInvalidArgument, {"propose_drafts: ", part}, [&] { backend.propose_drafts(wrong); });
    expect_error(ErrorCode::kInvalidArgument, {"commit_drafts: ", part}, [&] { backend.commit_drafts(wrong); });
  };
  refused("rows is -1", [](auto& w) { w.rows = -1; });
  refused("drafts is -1", [](auto& w) { w.drafts = -1; });
  refused("slots is 0; allowed: >= 1", [](auto& w) { w.slots = 0; });
  refused("drafts is 17; allowed: <= 16", [](auto& w) { w.drafts = 17; });
  refused("states or drafting missing", [](auto& w) { w.drafting = nullptr; });
  refused("end_ids missing", [](auto& w) { w.end_ids = nullptr; });
  refused("sampling missing", [](auto& w) { w.sampling = nullptr; });
  refused("draft_ids or judged missing", [](auto& w) { w.judged = nullptr; });
  refused("feed missing", [](auto& w) { w.feed.positions = nullptr; });
  refused("drawing is 0", [](auto& w) { w.drawing = 0; });
  refused("draft_sampling missing", [](auto& w) { w.draft_sampling = nullptr; });
  refused("draft_feed filler_tokens is 0", [](auto& w) { w.draft_feed.filler_tokens = 0; });
  refused("automata tables missing", [](auto& w) { w.automata.state_count = 1; });
  const std::uint8_t flag = 0;
  const std::int64_t offsets[] = {0, 0};
  refused("automata forced_tokens or spelled_tokens missing",
          [&](auto& w) { w.automata = {&number, &number, &flag, &flag, offsets, 1, &number}; });
  refused("automata forced_tokens or spelled_tokens missing",
          [&](auto& w) { w.automata = {&number, &number, &flag, &flag, offsets, 1, nullptr, &number}; });
  const auto not_proposed = [&](const char* part, const std::function<void(DraftLoopParams&)>& change) {
    DraftLoopParams wrong = good;
    change(wrong);
    expect_error(ErrorCode::kInvalidArgument, {"propose_drafts: ", part}, [&] { backend.propose_drafts(wrong); });
  };
  not_proposed("vocab is 0", [](auto& w) { w.vocab = 0; });
  not_proposed("mask_words is 1; allowed: >= 2", [](auto& w) { w.vocab = 33; });
  not_proposed("texts missing", [](auto& w) { w.texts.tokens = nullptr; });
  not_proposed("texts capacity is 0", [](auto& w) { w.texts.capacity = 0; });
  not_proposed("texts capacity is 134217728", [](auto& w) { w.texts.capacity = 1 << 27; });
  const auto not_committed = [&](const char* part, const std::function<void(DraftLoopParams&)>& change) {
    DraftLoopParams wrong = good;
    change(wrong);
    expect_error(ErrorCode::kInvalidArgument, {"commit_drafts: ", part}, [&] { backend.commit_drafts(wrong); });
  };
  not_committed("accepted_counts or tokens missing", [](auto& w) { w.tokens = nullptr; });
  not_committed("details or proposed_details missing", [](auto& w) { w.proposed_details = nullptr; });
  not_committed("ring depth is 0", [](auto& w) { w.ring.depth = 0; });
  not_committed("ring stride is 1; allowed: >= 2", [](auto& w) { w.ring.stride = 1; });
  not_committed("ring words or sums missing", [](auto& w) { w.ring.sums = nullptr; });
  good.index = 2;
  expect_error(ErrorCode::kInvalidArgument, {"extend_drafts: index is 2; allowed: <= 1"},
               [&] { backend.extend_drafts(good); });
  good.index = 1;
  good.drawn = nullptr;
  expect_error(ErrorCode::kInvalidArgument, {"extend_drafts: drawn missing"}, [&] { backend.extend_drafts(good); });
}

}  // namespace fllm::test
