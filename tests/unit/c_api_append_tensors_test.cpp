// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>

#include "tests/support/c_sampler.h"
#include "tests/support/dl_tensor.h"

namespace fllm::test {
namespace {

/// Histories of three slots, and the tensors of two rows that append to them.
class AppendCall {
 public:
  AppendCall() {
    tensors.struct_size = sizeof tensors;
    tensors.history_entries = &entries.value;
    tensors.history_sizes = &sizes.value;
    tensors.ids = &ids.value;
    args.struct_size = sizeof args;
    args.vocab = 8;
  }
  fllm_status fill() { return fllm_history_append_args_from_dl(sampler.get(), &tensors, &args); }

  CSampler sampler = make_cpu();
  std::int32_t memory[24] = {}, counts[3] = {}, id_memory[5] = {5, 5, -1, 2, 7}, offset_memory[3] = {0, 4, 5},
               slot_memory[2] = {2, 0}, output_memory[2] = {0, 1};
  std::uint32_t status_memory[2] = {99, 99};
  Tensor entries{memory, kSigned, 32, {3, 4, 2}}, sizes{counts, kSigned, 32, {3}}, ids{id_memory, kSigned, 32, {5}},
      offsets{offset_memory, kSigned, 32, {3}}, slots{slot_memory, kSigned, 32, {2}},
      outputs{output_memory, kSigned, 32, {2}}, status{status_memory, kUnsigned, 32, {2}};
  fllm_history_append_tensors tensors{};
  fllm_history_append_args args{};
};

TEST(CApiAppendTensors, AreAppended) {
  AppendCall call;
  call.tensors.id_offsets = &call.offsets.value;
  call.tensors.slots = &call.slots.value;
  call.tensors.are_outputs = &call.outputs.value;
  call.tensors.status = &call.status.value;
  ASSERT_EQ(fllm_history_append_dl(call.sampler.get(), &call.tensors, &call.args, nullptr), FLLM_OK)
      << fllm_last_error();
  EXPECT_THAT(call.counts, testing::ElementsAre(1, 0, 2));
  EXPECT_EQ(call.memory[0], 7);                                                              // slot 0
  EXPECT_THAT((std::vector{call.memory[16], call.memory[18]}), testing::ElementsAre(5, 2));  // slot 2
  EXPECT_THAT(call.status_memory, testing::ElementsAre(0u, 0u));
}

TEST(CApiAppendTensors, BecomeArguments) {
  AppendCall call;
  ASSERT_EQ(call.fill(), FLLM_OK) << fllm_last_error();
  EXPECT_EQ(call.args.rows, 5) << "an id a row";
  EXPECT_EQ(call.args.vocab, 8) << "no tensor stands for it";
  EXPECT_EQ(call.args.history.slots, 3);
  EXPECT_EQ(call.args.history.capacity, 4);
  EXPECT_EQ(static_cast<void*>(call.args.history.entries), call.memory);
  EXPECT_EQ(call.args.ids, call.id_memory);
  EXPECT_EQ(call.args.id_offsets, nullptr);

  const Tensor none(nullptr, kSigned, 32, {0});
  call.tensors.ids = &none.value;
  call.tensors.id_offsets = &call.offsets.value;
  std::fill(std::begin(call.offset_memory), std::end(call.offset_memory), 0);
  call.tensors.status = &call.status.value;
  ASSERT_EQ(fllm_history_append_dl(call.sampler.get(), &call.tensors, &call.args, nullptr), FLLM_OK)
      << fllm_last_error();
  EXPECT_THAT(call.status_memory, testing::ElementsAre(0u, 0u)) << "rows without ids are rows";
}

TEST(CApiAppendTensors, ListEveryViolation) {
  AppendCall call;
  const Tensor three(call.memory, kSigned, 32, {3}), floats(call.memory, kFloating, 32, {2}),
      none(nullptr, kSigned, 32, {0});
  call.tensors.history_sizes = &call.slots.value;
  call.tensors.ids = &floats.value;
  call.tensors.id_offsets = &call.offsets.value;
  call.tensors.slots = &three.value;
  call.tensors.are_outputs = &floats.value;
  expect_refused(call.fill(),
                 "history_sizes: 2: must have an element for each slot of history_entries\n"
                 "ids: float32: must be int32 or uint32\n"
                 "slots: shape [3]: must be [2]\n"
                 "are_outputs: float32: must be int32 or uint32");
  AppendCall other;
  other.tensors.ids = nullptr;
  other.tensors.id_offsets = &none.value;
  expect_refused(other.fill(), "ids: NULL: must be given\nid_offsets: shape [0]: must be [rows + 1]");
  expect_refused(fllm_history_append_dl(other.sampler.get(), &call.tensors, nullptr, nullptr),
                 "fllm_history_append_args: NULL: must be given");
}

}  // namespace
}  // namespace fllm::test
