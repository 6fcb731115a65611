// SPDX-License-Identifier: Apache-2.0
#include "tests/support/draft_suite.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>

#include "tests/support/draft_cases.h"
#include "tests/support/expect_error.h"
#include "tests/support/filter_cases.h"
#include "tests/support/guarded_array.h"
#include "tests/support/special_floats.h"

namespace fllm::test {
namespace {

bool draft_failed() { return ::testing::Test::HasFailure(); }

std::int32_t case_vocab(std::int32_t turn, Random& random) {
  constexpr std::array<std::int32_t, 6> kVocabs = {1, 2, 3, 5, 64, 70};
  if (turn % 4 != 3) return kVocabs[static_cast<std::size_t>(turn) % kVocabs.size()];
  return static_cast<std::int32_t>(1 + random() % 1100);
}

/// A sequence of one draft, random bits at all ends.
void add_pair(DraftBatch& batch, const LogitRow& p, const LogitRow& q, std::int32_t draft) {
  constexpr std::uint64_t kNone = 0, kAll = ~std::uint64_t{0};
  for (const auto& [u, r] : {std::pair{kNone, kNone}, std::pair{std::uint64_t{1}, kAll}, std::pair{kAll / 2, kAll / 3},
                             std::pair{kAll, kNone}, std::pair{kAll, kAll}}) {
    batch.add({{p, p}, {q}, {{draft, draft, u, r}}});
  }
  batch.add({{p, p}, {}, {{draft, draft, kNone, kAll}}});
  batch.add({{p, p}, {}, {{draft, draft, kAll, kAll / 3}}});
}

}  // namespace

void run_drafted_rows(Backend& backend, SuiteSize size) {
  Random random(41);
  const std::int32_t turns = size == SuiteSize::kFull ? 120 : size == SuiteSize::kFast ? 16 : 8;
  const std::uint64_t most = size == SuiteSize::kFull ? kMaxDraftTokens : 5;
  for (std::int32_t turn = 0; turn < turns && !draft_failed(); ++turn) {
    const std::int32_t vocab = case_vocab(turn, random);
    const bool filtered = turn % 2 == 1;
    DraftBatch batch(vocab, true, filtered);
    for (std::int32_t i = 0; i < (size == SuiteSize::kFull ? 12 : 4); ++i) {
      batch.add(random_sequence(vocab, static_cast<std::int32_t>(random() % (most + 1)), random, filtered));
    }
    expect_draft_oracle(backend, batch, turn % 3 != 0);
  }
}

void run_draft_streams(Backend& backend, SuiteSize size) {
  Random random(42);
  DraftBatch batch(9, false);
  for (std::int32_t i = 0; i < (size == SuiteSize::kFull ? 400 : 40); ++i) {
    DraftedSequence sequence = random_sequence(9, 1 + i % 3, random);
    batch.add(sequence);
  }
  expect_draft_oracle(backend, batch);
}

void run_draft_edges(Backend& backend) {
  constexpr float kNone = -kInfinity;
  RowCase neutral, greedy, least, first, third, without_top;
  greedy.sampling.temperature = 0;
  set_min_p(least.sampling, 0.5);
  first.sampling.top_k = 1;
  third.sampling.top_k = 3;
  set_top_p(third.sampling, 0.9);
  neutral.sampling.fallback_id = 2;
  without_top.filters.values.xtc_probability = 1;
  const std::array rows = {
      LogitRow{{0.5f, 0.1f, -0.3f, 2.0f}, neutral},       LogitRow{{kNone, 0.1f, kNone, 1.0f}, neutral},
      LogitRow{{0.5f, kNone, -0.3f, kNone}, neutral},     LogitRow{{kNone, kNone, kNone, kNone}, neutral},
      LogitRow{{0.5f, kInfinity, kInfinity, 1}, neutral}, LogitRow{{kNan, 0.5f, kNan, 0.25f}, neutral},
      LogitRow{{0.5f, 0.1f, -0.3f, 2.0f}, greedy},        LogitRow{{0.5f, 0.1f, -0.3f, 2.0f}, least},
      LogitRow{{0.5f, 0.1f, -0.3f, 2.0f}, first},         LogitRow{{2.0f, 0.1f, -0.3f, 0.5f}, third},
      LogitRow{{0.0f, 0.0f, 0.0f, 0.0f}, neutral},        LogitRow{{0.0f, -27.0f, -28.0f, -29.0f}, neutral},
      LogitRow{{0.5f, 1.0f, 2.0f, 1.5f}, without_top}};
  for (std::size_t p = 0; p < rows.size(); ++p) {
    DraftBatch batch(4, true, true);
    for (const std::size_t step : {0, 1, 3, 6, 10}) {  // the row itself and others of all kinds
      const LogitRow& q = rows[(p + step) % rows.size()];
      for (std::int32_t draft = 0; draft < 4; ++draft) add_pair(batch, rows[p], q, draft);
    }
    expect_draft_oracle(backend, batch);
    if (draft_failed()) return;
  }
  // The ends of what ids at the ends of chunks are drawn by, of a residual that weighs all but one alike.
  constexpr std::int32_t kVocab = 300, kChosen = 5;
  const LogitRow flat{std::vector<float>(kVocab), {}};
  const OracleResidual residual = oracle_residual(masses_of(flat), one_id(kChosen, kVocab));
  DraftBatch batch(kVocab, true);
  for (const std::int32_t id : {0, 1, 4, 6, 31, 32, 127, 128, 255, 256, kVocab - 1}) {
    const auto ends = uniforms_drawing(residual, id);
    ASSERT_TRUE(ends.has_value());
    for (const std::uint64_t bits : {ends->first, ends->last}) {
      batch.add({{flat, flat}, {}, {{kChosen, kChosen, ~std::uint64_t{0}, bits}}});
    }
  }
  expect_draft_oracle(backend, batch);
}

void run_hostile_drafts(Backend& backend) {
  Random random(43);
  for (const std::int32_t vocab : {1, 3, 40}) {
    DraftBatch batch(vocab, true);
    for (const std::int32_t id : {-1, vocab, INT32_MIN, INT32_MAX, vocab + 1}) {
      for (const std::uint64_t u : {std::uint64_t{0}, ~std::uint64_t{0}}) {
        for (const std::int32_t proposal : {id, -1, 0}) {
          DraftedSequence sequence = random_sequence(vocab, 2, random);
          for (DraftCase& draft : sequence.drafts) draft = {id, proposal, u, random()};
          batch.add(sequence);
        }
      }
    }
    DraftedSequence sequence = random_sequence(vocab, 3, random);
    for (DraftCase& draft : sequence.drafts) draft.proposed = false;
    batch.add(sequence);
    sequence = random_sequence(vocab, 3, random);
    sequence.claimed_count = -7;
    batch.add(sequence);
    for (DraftCase& draft : sequence.drafts) draft.acceptance_uniform = 0;
    sequence.claimed_count = INT32_MAX;  // of the last sequence: there are no rows behind it
    batch.add(sequence);
    expect_draft_oracle(backend, batch);
    if (draft_failed()) return;
  }
  // Without what makes them never accepted, these would be, and the residual would lack id 0.
  const LogitRow flat{{0, 0, 0, 0}, {}}, sharp{{30, 0, 0, 0}, {}};
  DraftBatch refused(4, true);
  refused.add({{flat, flat}, {sharp}, {{-1, -1, 0, 0}}});
  refused.add({{flat, flat}, {flat}, {{2, 2, 0, 0, false}}});
  refused.add({{flat, flat}, {}, {{2, 2, 0, 0, false}}});
  expect_draft_oracle(backend, refused);
  // More than there may be: the row that would be the 17th draft's gives the last token.
  DraftBatch batch(2, true);
  DraftedSequence long_one;
  for (std::int32_t i = 0; i < kMaxDraftTokens + 2; ++i) long_one.target.push_back({{0.0f, 0.0f}, {}});
  for (std::int32_t i = 0; i < kMaxDraftTokens + 1; ++i) long_one.drafts.push_back({1, 1, 0, 0});
  batch.add(long_one);
  expect_draft_oracle(backend, batch);
}

void run_large_drafts(Backend& backend, SuiteSize size) {
  Random random(44);
  const auto check = [&](std::int32_t vocab, std::int32_t sequences) {
    DraftBatch batch(vocab, true);
    for (std::int32_t i = 0; i < sequences; ++i) {
      DraftedSequence sequence = random_sequence(vocab, 1, random);
      sequence.coupled = false;
      sequence.drafts[0].acceptance_uniform = ~std::uint64_t{0};
      batch.add(sequence);
    }
    expect_draft_oracle(backend, batch);
  };
  check(9000, size == SuiteSize::kFew ? 1 : 4);  // fibers have memory for one such row
  if (size == SuiteSize::kFull) check(128256, 4);
}

void run_row_supports(Backend& backend, SuiteSize size) {
  Random random(45);
  for (std::int32_t turn = 0; turn < (size == SuiteSize::kFull ? 60 : 9) && !draft_failed(); ++turn) {
    const auto vocab = static_cast<std::int32_t>(1 + random() % (turn % 2 == 0 ? 12 : 700));
    const BatchLayout layout{.type = kTypes[static_cast<std::size_t>(turn) % kTypes.size()],
                             .vocab = vocab,
                             .top_count = turn % 4,
                             .history_capacity = kDraftHistory};
    const SampleBatch batch = filtered_batch(layout, 6, random);
    const auto rows = static_cast<std::size_t>(batch.rows());
    GuardedArray<RowSupport> supports(backend, rows);
    expect_oracle(backend, batch, [&](SampleParams& p) { p.supports = supports.data(); });
    const std::vector<RowSupport> got = supports.download("supports");
    for (std::int32_t row = 0; row < batch.rows(); ++row) {
      SCOPED_TRACE(batch.describe(row));
      const OracleDistribution want = oracle_distribution(layout.type, batch.host_params(), row);
      const RowSupport& s = got[static_cast<std::size_t>(row)];
      const OracleRow drawn = batch.oracle(row);
      EXPECT_EQ(s.proposed_id, drawn.token);  // what is not asked for is the token drawn
      EXPECT_EQ(s.only != 0, want.greedy || want.kept_count == 0);
      EXPECT_TRUE(s.only == 0 || s.only_id == drawn.token) << s.only_id;
      EXPECT_TRUE(want.kept_count == 0 || s.kept_mass == want.kept_mass) << s.kept_mass;
      EXPECT_EQ(s.kept_count, want.kept_count);
      for (std::int32_t id = 0; s.only == 0 && id < vocab; ++id) {  // as the support says that ids are weighed
        const auto i = static_cast<std::size_t>(id);
        const float value = want.edited[i];
        const bool begun = value < s.start_value || (value == s.start_value && id >= s.start_id);
        const bool ended = value < s.cut_value || (value == s.cut_value && id > s.cut_id);
        EXPECT_EQ(begun && !ended ? (MassFunction{s.maximum, s.scale}(value)) : Mass{0}, want.mass[i]) << "id " << id;
      }
      if (draft_failed()) return;
    }
  }
}

void run_draft_refusals(Backend& backend) {
  float logits[4] = {};
  std::int32_t word = 0;
  RowSampling sampling;
  RowSupport support{};
  SampleDetail detail{};
  const DraftRow row{};
  ResolveDraftsParams good;
  good.target.logits = logits;
  good.target.rows = 1;
  good.target.vocab = 4;
  good.target.stride = 4;
  good.target.sampling = &sampling;
  good.target.tokens = &word;
  good.target.supports = &support;
  good.draft = good.target;
  good.draft_ids = &word;
  good.rows = &row;
  good.row_count = 1;
  good.accepted_counts = &word;
  good.tokens = &word;
  const auto refuses = [&](const std::function<void(ResolveDraftsParams&)>& change, const char* message,
                           ErrorCode code = ErrorCode::kInvalidArgument, LogitType type = LogitType::kFloat32) {
    ResolveDraftsParams p = good;
    change(p);
    expect_error(code, {message}, [&] { backend.resolve_drafts(type, p); });
  };
  refuses([](ResolveDraftsParams& p) { p.row_count = -1; }, "row_count is -1; allowed: >= 0");
  refuses([](ResolveDraftsParams& p) { p.row_count = 2; }, "target.rows is 1; allowed: >= 2");
  refuses([](ResolveDraftsParams& p) { p.target.advance = 1; }, "target advance is 1, but what is allowed is 0");
  refuses([](ResolveDraftsParams& p) { p.draft.advance = 1; }, "draft advance is 1, but what is allowed is 0");
  refuses([](ResolveDraftsParams& p) { p.target.first_id = 32; }, "target first_id is 32, but what is allowed is 0");
  refuses([](ResolveDraftsParams& p) { p.target.supports = nullptr; }, "target.supports missing");
  refuses([](ResolveDraftsParams& p) { p.draft.supports = nullptr; }, "draft.supports missing");
  refuses([](ResolveDraftsParams& p) { p.draft.vocab = 3; }, "draft.vocab is 3, but target.vocab is 4");
  refuses([](ResolveDraftsParams& p) { p.target.vocab = 0; }, "vocab is 0");
  refuses([](ResolveDraftsParams& p) { p.rows = nullptr; }, "rows or draft_ids missing");
  refuses([](ResolveDraftsParams& p) { p.draft_ids = nullptr; }, "rows or draft_ids missing");
  refuses([](ResolveDraftsParams& p) { p.tokens = nullptr; }, "accepted_counts or tokens missing");
  refuses([](ResolveDraftsParams& p) { p.accepted_counts = nullptr; }, "accepted_counts or tokens missing");
  refuses([&](ResolveDraftsParams& p) { p.details = &detail; },
          "target.details, which details are taken from, missing");
  refuses([](ResolveDraftsParams& p) { p.blocks_per_row = 3; }, "blocks_per_row is 3");
  refuses([](ResolveDraftsParams&) {}, "logits of 16 bits; allowed: binary32", ErrorCode::kUnsupported,
          LogitType::kFloat16);
}

}  // namespace fllm::test
