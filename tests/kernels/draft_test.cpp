// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "cuda/launch/commit_launch.h"
#include "cuda/launch/draft_loop_launch.h"
#include "cuda/launch/drafts_launch.h"
#include "tests/kernels/serial_isas.h"
#include "tests/support/draft_suite.h"

namespace fllm::test {
namespace {

using DraftsOn = SerialIsas;

INSTANTIATE_TEST_SUITE_P(Cpu, DraftsOn, ::testing::ValuesIn(serial_isas().begin(), serial_isas().end()), isa_name);

TEST_P(DraftsOn, Rows) {
  auto cpu = backend(2);
  run_drafted_rows(cpu, long_suite());
}
TEST_P(DraftsOn, LargeRows) {
  auto cpu = backend(2);
  run_large_drafts(cpu, long_suite());
}
TEST_P(DraftsOn, Edges) {
  auto cpu = backend();
  run_draft_edges(cpu);
}

/// Counts launches in place of making them.
struct CountedLaunches {
  static LaunchTarget target() { return {.warp_width = 1, .block_shared_bytes = std::size_t{1} << 40}; }
  template <class Kernel>
  void launch(const LaunchShape&, const typename Kernel::Params&) {
    ++count;
  }
  std::int32_t count = 0;
};

TEST(Drafts, ThreeLaunchesWhateverTheirNumber) {
  std::int32_t word = 0;
  std::uint32_t ring_word = 0;
  double sum = 0;
  float logits[1] = {};
  RowSampling sampling;
  ResidentRow state;
  SampleDetail detail{};
  RowSupport support{};
  for (const std::int32_t drafts : {0, 1, kMaxDraftTokens}) {
    CountedLaunches executor;
    SampleParams target;
    target.logits = logits;
    target.rows = drafts + 1;
    target.stride = target.vocab = 1;
    target.sampling = &sampling;
    target.tokens = &word;
    target.details = target.proposed_details = &detail;
    target.supports = &support;
    target.proposed_ids = &word;
    sample_rows(executor, LogitType::kFloat32, target);
    const DraftRow row{0, drafts, -1, 0};
    ResolveDraftsParams resolve;
    resolve.target = target;
    resolve.draft_ids = &word;
    resolve.rows = &row;
    resolve.row_count = 1;
    resolve.accepted_counts = resolve.tokens = &word;
    resolve.details = &detail;
    resolve_draft_rows(executor, LogitType::kFloat32, resolve);
    CommitRowsParams commit;
    commit.tokens = commit.positions = &word;
    commit.drawn = commit.end_ids = &word;
    commit.details = &detail;
    commit.sampling = &sampling;
    commit.states = &state;
    commit.rows = 1;
    commit.ring.words = &ring_word;
    commit.ring.sums = commit.ring.final_sums = &sum;
    commit.ring.depth = commit.ring.stride = 1;
    take_tokens(executor, commit);
    EXPECT_EQ(executor.count, 3) << drafts << " drafts";
    if (drafts == 0) continue;
    DraftingRow drafting;
    DraftRow judged;
    DraftLoopParams loop;
    loop.rows = 1;
    loop.slots = drafts + 1;
    loop.drafts = drafts;
    loop.drawing = 1;
    loop.states = &state;
    loop.drafting = &drafting;
    loop.end_ids = loop.tokens = loop.accepted_counts = &word;
    loop.feed = loop.draft_feed = {&word, &word, &word, 0, 1};
    loop.sampling = loop.draft_sampling = &sampling;
    loop.draft_ids = &word;
    loop.judged = &judged;
    loop.details = loop.proposed_details = &detail;
    loop.ring = {&ring_word, &sum, &sum, 1, drafts + 1};
    commit_draft_rows(executor, loop);
    EXPECT_EQ(executor.count, 4) << "a commit of all drafts in place of that of one token";
  }
}

// Nothing that an instruction set could change.
TEST(Drafts, Streams) {
  SerialBackend cpu(choose_serial_kernels(), 1);
  run_draft_streams(cpu, kLongSuite);
}
TEST(Drafts, HostileDrafts) {
  SerialBackend cpu(choose_serial_kernels(), 1);
  run_hostile_drafts(cpu);
}
TEST(Drafts, Supports) {
  SerialBackend cpu(choose_serial_kernels(), 1);
  run_row_supports(cpu, kLongSuite);
}
TEST(Drafts, Refusals) {
  SerialBackend cpu(choose_serial_kernels(), 1);
  run_draft_refusals(cpu);
}
TEST(Drafts, EverySequenceHasItsProbability) {
  SerialBackend cpu(choose_serial_kernels(), 2);
  run_draft_enumeration(cpu);
}
TEST(Drafts, FrequenciesMatchTheTarget) {
  SerialBackend cpu(choose_serial_kernels(), 2);
  run_draft_distribution(cpu, kLongSuite);
}

}  // namespace
}  // namespace fllm::test
