// SPDX-License-Identifier: Apache-2.0
#include "fundamentallm/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/support/array_call.h"
#include "tests/support/filter_cases.h"

namespace fllm::test {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

TEST(Sampler, DrawsFromSpans) {
  Sampler sampler = Sampler::create({.threads = 1}).value();
  EXPECT_THAT(sampler.description(), StartsWith("cpu (1 thread, "));
  const std::vector<float> logits{1, 4, 3, 2, 9, 8, 7, 6};
  const std::vector<std::int32_t> top_k{1, 2}, bans{0}, ban_offsets{0, 0, 1};
  const std::vector<std::uint64_t> uniforms{0, ~std::uint64_t{0}};
  std::vector<std::int32_t> tokens(2);
  std::vector<fllm_top_entry> top(4);
  const LogitsView view{.data = logits.data(), .rows = 2, .vocab = 4};
  std::vector<std::byte> workspace(sampler.workspace_bytes(view).value());
  const Result<void> done = sampler.sample({.logits = view,
                                            .tokens = tokens,
                                            .workspace = workspace,
                                            .top_k = top_k,
                                            .ban_ids = bans,
                                            .ban_offsets = ban_offsets,
                                            .uniforms = uniforms,
                                            .top = top});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_THAT(tokens, ElementsAre(1, 2));
  EXPECT_EQ(top[0].id, 1);
  EXPECT_EQ(top[1].id, 2);
  EXPECT_EQ(top[2].id, 1);
  EXPECT_EQ(top[3].id, 2);
}

TEST(Sampler, PassesEverySpanOn) {
  Random random(21);
  Sampler sampler = Sampler::create({.threads = 2}).value();
  for (int launch = 0; launch < 60; ++launch) {
    BatchLayout layout;
    layout.vocab = static_cast<std::int32_t>(1 + random() % 200);
    layout.inject_uniforms = launch % 2 == 0;
    layout.top_count = 3;
    if (launch % 3 == 0) layout.history_capacity = 30;
    const SampleBatch batch =
        layout.history_capacity < 0 ? mixed_batch(layout, 5, random) : filtered_batch(layout, 5, random);
    const auto list = [](const std::int32_t* first) { return std::span(first, first != nullptr ? 1 : 0); };
    ArrayCall call(batch);
    const fllm_sample_args c = call.args();
    const LogitsView view{.data = c.logits, .rows = c.rows, .vocab = c.vocab, .stride = c.logits_stride};
    std::vector<std::byte> workspace(sampler.workspace_bytes(view).value());
    const auto words = static_cast<std::size_t>(c.allow_mask != nullptr ? 5 * c.mask_words : 0);
    const bool masked = std::any_of(call.mask_row.begin(), call.mask_row.end(), [](auto row) { return row >= 0; });
    const Result<void> done = sampler.sample({
        .logits = view,
        .tokens = call.tokens,
        .status = call.status,
        .workspace = workspace,
        .temperature = call.temperature,
        .top_k = call.top_k,
        .top_p = call.top_p,
        .min_p = call.min_p,
        .repetition_penalty = call.repetition_penalty,
        .frequency_penalty = call.frequency_penalty,
        .presence_penalty = call.presence_penalty,
        .seed = call.seed,
        .position = call.position,
        .sample_index = call.sample_index,
        .fallback_id = call.fallback_id,
        .generated = call.generated,
        .min_tokens = call.min_tokens,
        .allow_mask = {c.allow_mask, masked ? words : 0},
        .mask_words = c.mask_words,
        .mask_row = masked ? call.mask_row : std::vector<std::int32_t>{},
        .ban_ids = call.ban_ids,
        .ban_offsets = call.ban_offsets,
        .end_id_offsets = call.end_id_offsets,
        .bias = call.bias,
        .bias_offsets = call.bias_offsets,
        .history = c.history,
        .history_slot = call.history_slot,
        .uniforms = {c.uniforms, c.uniforms != nullptr ? std::size_t{5} : 0},
        .details = call.details,
        .top = call.top,
        .probabilities = call.probabilities,
        .filters = {c.filters, c.filters != nullptr ? std::size_t{5} : 0},
        .sequences = c.sequences,
        .word_offsets = list(c.word_offsets),
        .word_ids = list(c.word_ids),
        .breaker_ids = list(c.breaker_ids),
    });
    ASSERT_TRUE(done) << done.error().message;
    for (std::int32_t row = 0; row < 5; ++row) {
      const OracleRow want = oracle_row(layout.type, call.rows_params(), row);
      const auto i = static_cast<std::size_t>(row);
      EXPECT_EQ(call.tokens[i], want.token) << batch.describe(row);
      EXPECT_EQ(call.status[i], want.status) << batch.describe(row);
      EXPECT_EQ(call.details[i].kept_mass, want.kept_mass) << batch.describe(row);
      EXPECT_EQ(call.top[i * 3 + 2].id, want.top[2].id) << batch.describe(row);
      EXPECT_EQ(call.probabilities[(i + 1) * static_cast<std::size_t>(layout.vocab) - 1], want.probabilities.back());
    }
  }
}

TEST(Sampler, ListsSpansOfAnotherSize) {
  Sampler sampler = Sampler::create().value();
  const std::vector<float> logits(8), three(3);
  const std::vector<std::int32_t> two(2);
  const std::vector<std::uint32_t> words(1);
  std::vector<std::int32_t> tokens(1);
  std::vector<fllm_top_entry> top(3);
  std::vector<float> probabilities(7);
  const Result<void> done = sampler.sample({.logits = {.data = logits.data(), .rows = 2, .vocab = 4},
                                            .tokens = tokens,
                                            .temperature = three,
                                            .allow_mask = words,
                                            .ban_offsets = two,
                                            .top = top,
                                            .probabilities = probabilities});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(done.error().message,
            "tokens: size 1: must be 2, or empty\ntemperature: size 3: must be 2, or empty\n"
            "allow_mask: size 1: must be at least 2\nban_offsets: size 2: must be 3, or empty\n"
            "top: size 3: must be 2, or empty\nprobabilities: size 7: must be at least 8");
  const Result<void> appended = sampler.append({.history = {}, .ids = two, .slots = {two.data(), 1}, .vocab = 4});
  ASSERT_FALSE(appended);
  EXPECT_EQ(appended.error().message, "slots: size 1: must be 2, or empty");
}

TEST(Sampler, PassesErrorsOn) {
  Sampler sampler = Sampler::create().value();
  const Result<void> done = sampler.sample({});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(done.error().message, "vocab: 0: must be in [1, 1048576]");
  EXPECT_FALSE(sampler.workspace_bytes({.rows = -1, .vocab = 3}));
  const Result<Sampler> none = Sampler::create({.device = SamplerOptions::Device::kCuda, .index = 4097});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(none.error().message, StartsWith("device cuda:4097: "));
}

TEST(Sampler, EmptyListsNeedNoOffsetsTakenAway) {
  Sampler sampler = Sampler::create().value();
  const std::vector<float> logits{1, 2}, zero{0};
  const std::vector<std::int32_t> offsets{0, 0};
  std::vector<std::int32_t> tokens(1);
  const LogitsView view{.data = logits.data(), .rows = 1, .vocab = 2};
  std::vector<std::byte> workspace(sampler.workspace_bytes(view).value());
  const Result<void> done = sampler.sample({.logits = view,
                                            .tokens = tokens,
                                            .workspace = workspace,
                                            .temperature = zero,
                                            .ban_offsets = offsets,
                                            .end_id_offsets = offsets,
                                            .bias_offsets = offsets});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_THAT(tokens, ElementsAre(1));
}

TEST(Sampler, AppendsToHistories) {
  Sampler sampler = Sampler::create({.threads = 1}).value();
  std::vector<fllm_count_entry> entries(8);
  std::vector<std::int32_t> sizes(2, 0);
  const fllm_history_table history{entries.data(), sizes.data(), 4, 2};
  const std::vector<std::int32_t> ids{3, 3, 1}, offsets{0, 2, 3}, outputs{0, 1};
  Result<void> done =
      sampler.append({.history = history, .ids = ids, .id_offsets = offsets, .are_outputs = outputs, .vocab = 5});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_THAT(sizes, ElementsAre(1, 1));
  EXPECT_EQ(entries[0].id, 3);
  EXPECT_EQ(entries[0].count, 1u << 31);
  EXPECT_EQ(entries[4].id, 1);
  EXPECT_EQ(entries[4].count, (1u << 31) + 1);
  done = sampler.append({.history = history, .ids = {ids.data(), 1}, .vocab = 5});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(entries[0].count, (1u << 31) + 1);
}

}  // namespace
}  // namespace fllm::test
