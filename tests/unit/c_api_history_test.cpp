// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/c_sampler.h"

namespace fllm::test {
namespace {

constexpr std::int32_t kSlots = 3, kCapacity = 6, kVocab = 8;

struct Histories {
  std::vector<fllm_count_entry> entries{kSlots * kCapacity};
  std::vector<std::int32_t> sizes = std::vector<std::int32_t>(kSlots, 0);

  fllm_history_table table() { return {entries.data(), sizes.data(), kCapacity, kSlots}; }
  /// The entries of a slot as pairs of id and count.
  std::vector<std::pair<std::int32_t, std::uint32_t>> of(std::int32_t slot) const {
    std::vector<std::pair<std::int32_t, std::uint32_t>> found;
    for (std::int32_t i = 0; i < sizes[static_cast<std::size_t>(slot)]; ++i) {
      const fllm_count_entry& entry = entries[static_cast<std::size_t>(slot) * kCapacity + static_cast<std::size_t>(i)];
      found.emplace_back(entry.id, entry.count);
    }
    return found;
  }
};

constexpr std::uint32_t kRepeated = 1u << 31;

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

TEST(CApiHistory, AppendsPromptsAndOutputs) {
  const CSampler sampler = make_cpu();
  Histories histories;
  const std::vector<std::int32_t> ids{5, 5, -1, 2, 5, 8, 7}, offsets{0, 5, 7}, slots{2, 0}, are_outputs{0, 1};
  std::vector<std::uint32_t> status(2, 99);
  fllm_history_append_args args{};
  args.struct_size = sizeof args;
  args.history = histories.table();
  args.ids = ids.data();
  args.id_offsets = offsets.data();
  args.slots = slots.data();
  args.are_outputs = are_outputs.data();
  args.status = status.data();
  args.rows = 2;
  args.vocab = kVocab;
  ASSERT_EQ(fllm_history_append(sampler.get(), &args, nullptr), FLLM_OK) << fllm_last_error();
  EXPECT_THAT(histories.of(2), ElementsAre(Pair(5, kRepeated), Pair(2, kRepeated)));
  EXPECT_THAT(histories.of(1), IsEmpty());
  EXPECT_THAT(histories.of(0), ElementsAre(Pair(7, kRepeated | 1)));
  EXPECT_THAT(status, ElementsAre(0u, 0u));

  args.id_offsets = args.slots = args.are_outputs = nullptr;  // a token of output a row, in slots 0 and 1
  ASSERT_EQ(fllm_history_append(sampler.get(), &args, nullptr), FLLM_OK) << fllm_last_error();
  EXPECT_THAT(histories.of(0), ElementsAre(Pair(7, kRepeated | 1), Pair(5, kRepeated | 1)));
  EXPECT_THAT(histories.of(1), ElementsAre(Pair(5, kRepeated | 1)));
}

TEST(CApiHistory, SaysWhatIsWrong) {
  const CSampler sampler = make_cpu();
  fllm_history_append_args args{};
  args.struct_size = sizeof args;
  args.rows = 1;
  expect_refused(fllm_history_append(sampler.get(), &args, nullptr),
                 "vocab: 0: must be in [1, 1048576]\nhistory: all zero: must be given\nids: NULL: must be given");
  args.rows = -1;
  args.vocab = 1 << 21;
  args.history.slots = 1;
  args.history.entries = reinterpret_cast<fllm_count_entry*>(0x1002);
  args.ids = args.id_offsets = args.slots = args.are_outputs = reinterpret_cast<const std::int32_t*>(0x1001);
  args.status = reinterpret_cast<std::uint32_t*>(0x1003);
  expect_refused(fllm_history_append(sampler.get(), &args, nullptr),
                 "rows: -1: must be in [0, 1048576]\nvocab: 2097152: must be in [1, 1048576]\n"
                 "history.sizes: NULL: must be given\nhistory.entries: 0x1002: must be aligned to 4 bytes\n"
                 "history.capacity: 0: must be at least 1\n"
                 "ids: 0x1001: must be aligned to 4 bytes\nid_offsets: 0x1001: must be aligned to 4 bytes\n"
                 "slots: 0x1001: must be aligned to 4 bytes\nare_outputs: 0x1001: must be aligned to 4 bytes\n"
                 "status: 0x1003: must be aligned to 4 bytes");
}

/// Steps of a graph: nothing but the call between them, the arrays say how far each row is.
TEST(CApiHistory, AdvancingStepsSeeWhatWasDrawn) {
  const CSampler sampler = make_cpu();
  Histories histories;
  // The presence penalty puts what was drawn behind the two logits that follow it.
  const std::vector<float> logits{7, 6, 5, 4, 3, 2, 1, 0, 7, 6, 5, 4, 3, 2, 1, 0}, zeros(2, 0.0f), presence{2, 2};
  const std::vector<std::int32_t> slots{1, -1}, min_tokens{2, 2}, ends{0, 3}, end_offsets{0, 1, 2};
  std::vector<std::int32_t> tokens(2), generated{0, 0};
  std::vector<std::uint32_t> position{10, 20}, status(2);
  fllm_sample_args args{};
  args.struct_size = sizeof args;
  args.logits = logits.data();
  args.rows = 2;
  args.vocab = kVocab;
  args.advance = 1;
  args.tokens = tokens.data();
  args.status = status.data();
  args.temperature = zeros.data();
  args.presence_penalty = presence.data();
  args.position = position.data();
  args.generated = generated.data();
  args.min_tokens = min_tokens.data();
  args.ban_ids = ends.data();
  args.end_id_offsets = end_offsets.data();
  args.history = histories.table();
  args.history_slot = slots.data();
  const std::vector<std::byte> workspace = give_workspace(sampler.get(), args);
  std::vector<std::int32_t> first, second;
  for (int step = 0; step < 5; ++step) {
    ASSERT_EQ(fllm_sample(sampler.get(), &args, nullptr), FLLM_OK) << fllm_last_error();
    first.push_back(tokens[0]);
    second.push_back(tokens[1]);
  }
  // Row 0: id 0 is an end, held back for two steps; then it is the best even with its penalty (7 - 2 > 6 - 2).
  // Row 1 has no history.
  EXPECT_THAT(first, ElementsAre(1, 2, 0, 0, 0));
  EXPECT_THAT(second, ElementsAre(0, 0, 0, 0, 0));
  EXPECT_THAT(generated, ElementsAre(5, 5));
  EXPECT_THAT(position, ElementsAre(15u, 25u));
  EXPECT_THAT(histories.of(1), ElementsAre(Pair(1, kRepeated | 1), Pair(2, kRepeated | 1), Pair(0, kRepeated | 3)));
  EXPECT_THAT(status, ElementsAre(0u, 0u));
}

TEST(CApiHistory, AFullSlotIsTold) {
  const CSampler sampler = make_cpu();
  Histories histories;
  histories.sizes[0] = kCapacity;
  for (std::int32_t i = 0; i < kCapacity; ++i) histories.entries[static_cast<std::size_t>(i)] = {i, kRepeated | 1};
  std::vector<float> logits(kVocab, 0.0f), zeros{0};
  const std::vector<std::int32_t> slots{0};
  std::vector<std::int32_t> tokens(1);
  std::vector<std::uint32_t> status(1);
  fllm_sample_args args{};
  args.struct_size = sizeof args;
  args.logits = logits.data();
  args.rows = 1;
  args.vocab = kVocab;
  args.advance = 1;
  args.tokens = tokens.data();
  args.status = status.data();
  args.temperature = zeros.data();
  args.history = histories.table();
  args.history_slot = slots.data();
  const std::vector<std::byte> workspace = give_workspace(sampler.get(), args);
  logits[7] = 1;
  ASSERT_EQ(fllm_sample(sampler.get(), &args, nullptr), FLLM_OK) << fllm_last_error();
  EXPECT_THAT(tokens, ElementsAre(7));
  EXPECT_THAT(status, ElementsAre(FLLM_ROW_FULL));
  logits[3] = 2;
  ASSERT_EQ(fllm_sample(sampler.get(), &args, nullptr), FLLM_OK) << fllm_last_error();
  EXPECT_THAT(tokens, ElementsAre(3));
  EXPECT_THAT(status, ElementsAre(0u)) << "a known id has room";
  EXPECT_THAT(histories.of(0)[3], Pair(3, kRepeated | 2));
}

}  // namespace
}  // namespace fllm::test
