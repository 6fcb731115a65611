// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/c_sampler.h"
#include "tests/support/dl_tensor.h"

namespace fllm::test {
namespace {

/// The memory of two rows of five ids, and the tensors of the fields that must be given.
class Call {
 public:
  Call() {
    tensors.struct_size = sizeof tensors;
    tensors.logits = &logits.value;
    tensors.tokens = &tokens.value;
    args.struct_size = sizeof args;
  }
  fllm_status fill() { return fllm_sample_args_from_dl(sampler.get(), &tensors, &args); }

  CSampler sampler = make_cpu();
  float memory[64] = {};
  std::uint64_t words[64] = {};
  Tensor logits{memory, kFloating, 32, {2, 5}};
  Tensor tokens{words, kSigned, 32, {2}};
  fllm_sample_tensors tensors{};
  fllm_sample_args args{};
};

TEST(CApiTensors, BecomeArguments) {
  Call call;
  float* memory = call.memory;
  std::uint64_t* words = call.words;
  const Tensor logits(memory, kBfloat, 16, {2, 5}, {7, 1});
  call.tensors.logits = &logits.value;
  call.logits.value.byte_offset = 0;
  const Tensor floats(memory + 1, kFloating, 32, {2}), ints(words + 1, kSigned, 32, {2}, {1}),
      unsigned_ints(words + 2, kUnsigned, 32, {2}), longs(words + 3, kSigned, 64, {2}),
      unsigned_longs(words + 4, kUnsigned, 64, {2}), offsets(words + 5, kSigned, 32, {3}),
      mask(words + 6, kSigned, 32, {4, 2}, {9, 1}), list(words + 7, kSigned, 32, {6}),
      bias(words + 8, kFloating, 32, {6, 2}), entries(words + 9, kUnsigned, 32, {3, 4, 2}, {8, 2, 1}),
      sizes(words + 10, kSigned, 32, {3}), details(words + 11, kSigned, 32, {2, 6}),
      top(words + 12, kFloating, 32, {2, 9, 3}), probabilities(memory + 2, kFloating, 32, {2, 5}, {6, 1}),
      workspace(words + 13, kUnsigned, 8, {3, 100}), status(words + 14, kUnsigned, 32, {2}),
      filters(words + 15, kFloating, 32, {2, 17}), sequences(words + 16, kSigned, 32, {3, 8}),
      lengths(words + 17, kSigned, 32, {3}), mus(words + 18, kFloating, 32, {3}),
      word_ids(words + 19, kSigned, 32, {9}), breakers(words + 20, kSigned, 32, {4});
  fllm_sample_tensors& t = call.tensors;
  t.status = &status.value;
  t.workspace = &workspace.value;
  t.temperature = t.top_p = t.min_p = t.repetition_penalty = t.frequency_penalty = t.presence_penalty = &floats.value;
  t.top_k = t.fallback_id = t.generated = t.min_tokens = t.mask_row = t.history_slot = &ints.value;
  t.position = t.sample_index = &unsigned_ints.value;
  t.seed = &longs.value;
  t.uniforms = &unsigned_longs.value;
  t.allow_mask = &mask.value;
  t.ban_ids = &list.value;
  t.ban_offsets = t.end_id_offsets = t.bias_offsets = &offsets.value;
  t.bias = &bias.value;
  t.history_entries = &entries.value;
  t.history_sizes = &sizes.value;
  t.details = &details.value;
  t.top = &top.value;
  t.probabilities = &probabilities.value;
  t.filters = &filters.value;
  t.sequence_tokens = &sequences.value;
  t.sequence_lengths = &lengths.value;
  t.mirostat_mu = &mus.value;
  t.word_offsets = &offsets.value;
  t.word_ids = &word_ids.value;
  t.breaker_ids = &breakers.value;
  call.args.advance = 1;
  call.args.blocks_per_row = 4;
  ASSERT_EQ(call.fill(), FLLM_OK) << fllm_last_error();

  const fllm_sample_args& a = call.args;
  EXPECT_EQ(a.struct_size, sizeof a);
  EXPECT_EQ(a.logits, memory);
  EXPECT_EQ(a.logits_stride, 7);
  EXPECT_EQ(a.rows, 2);
  EXPECT_EQ(a.vocab, 5);
  EXPECT_EQ(a.logits_dtype, FLLM_BFLOAT16);
  EXPECT_EQ(a.advance, 1) << "no tensor stands for it";
  EXPECT_EQ(a.blocks_per_row, 4);
  EXPECT_EQ(static_cast<void*>(a.tokens), words);
  EXPECT_EQ(static_cast<void*>(a.status), words + 14);
  EXPECT_EQ(a.workspace, words + 13);
  EXPECT_EQ(a.workspace_bytes, 300u);
  for (const float* p :
       {a.temperature, a.top_p, a.min_p, a.repetition_penalty, a.frequency_penalty, a.presence_penalty}) {
    EXPECT_EQ(p, memory + 1);
  }
  for (const void* p : {static_cast<const void*>(a.top_k), static_cast<const void*>(a.fallback_id),
                        static_cast<const void*>(a.generated), static_cast<const void*>(a.min_tokens),
                        static_cast<const void*>(a.mask_row), static_cast<const void*>(a.history_slot)}) {
    EXPECT_EQ(p, words + 1);
  }
  EXPECT_EQ(static_cast<const void*>(a.position), words + 2);
  EXPECT_EQ(static_cast<const void*>(a.sample_index), words + 2);
  EXPECT_EQ(a.seed, words + 3);
  EXPECT_EQ(a.uniforms, words + 4);
  for (const std::int32_t* p : {a.ban_offsets, a.end_id_offsets, a.bias_offsets}) {
    EXPECT_EQ(static_cast<const void*>(p), words + 5);
  }
  EXPECT_EQ(static_cast<const void*>(a.allow_mask), words + 6);
  EXPECT_EQ(a.mask_words, 9);
  EXPECT_EQ(static_cast<const void*>(a.ban_ids), words + 7);
  EXPECT_EQ(static_cast<const void*>(a.bias), words + 8);
  EXPECT_EQ(static_cast<const void*>(a.history.entries), words + 9);
  EXPECT_EQ(a.history.slots, 3);
  EXPECT_EQ(a.history.capacity, 4);
  EXPECT_EQ(static_cast<const void*>(a.history.sizes), words + 10);
  EXPECT_EQ(static_cast<const void*>(a.details), words + 11);
  EXPECT_EQ(static_cast<const void*>(a.top), words + 12);
  EXPECT_EQ(a.top_count, 9);
  EXPECT_EQ(a.probabilities, memory + 2);
  EXPECT_EQ(a.probabilities_stride, 6);
  EXPECT_EQ(static_cast<const void*>(a.filters), words + 15);
  EXPECT_EQ(static_cast<const void*>(a.sequences.tokens), words + 16);
  EXPECT_EQ(a.sequences.slots, 3);
  EXPECT_EQ(a.sequences.capacity, 8);
  EXPECT_EQ(static_cast<const void*>(a.sequences.lengths), words + 17);
  EXPECT_EQ(static_cast<const void*>(a.sequences.mirostat_mu), words + 18);
  EXPECT_EQ(static_cast<const void*>(a.word_offsets), words + 5);
  EXPECT_EQ(static_cast<const void*>(a.word_ids), words + 19);
  EXPECT_EQ(static_cast<const void*>(a.breaker_ids), words + 20);
}

TEST(CApiTensors, MirostatsStateMayBeThereAlone) {
  Call call;
  const Tensor mus(call.memory, kFloating, 32, {4});
  call.tensors.mirostat_mu = &mus.value;
  ASSERT_EQ(call.fill(), FLLM_OK) << fllm_last_error();
  EXPECT_EQ(call.args.sequences.mirostat_mu, call.memory);
  EXPECT_EQ(call.args.sequences.slots, 4);
  EXPECT_EQ(call.args.sequences.capacity, 0);
}

TEST(CApiTensors, OneDimensionIsOneRow) {
  Call call;
  Tensor logits(call.memory, kFloating, 16, {9});
  logits.value.byte_offset = 6;
  const Tensor tokens(call.words, kUnsigned, 32, {1});
  call.tensors.logits = &logits.value;
  call.tensors.tokens = &tokens.value;
  ASSERT_EQ(call.fill(), FLLM_OK) << fllm_last_error();
  EXPECT_EQ(call.args.rows, 1);
  EXPECT_EQ(call.args.vocab, 9);
  EXPECT_EQ(call.args.logits_dtype, FLLM_FLOAT16);
  EXPECT_EQ(call.args.logits, reinterpret_cast<unsigned char*>(call.memory) + 6);
}

TEST(CApiTensors, StridesOfOneElementMeanNothing) {
  Call call;
  const Tensor logits(call.memory, kFloating, 32, {1, 5}, {-3, 1}), tokens(call.words, kSigned, 32, {1}, {17});
  call.tensors.logits = &logits.value;
  call.tensors.tokens = &tokens.value;
  ASSERT_EQ(call.fill(), FLLM_OK) << fllm_last_error();
}

TEST(CApiTensors, EmptyListsGoWithTheirOffsets) {
  Call call;
  const Tensor none(nullptr, kSigned, 32, {0}), no_pairs(nullptr, kFloating, 32, {0, 2}),
      offsets(call.words + 1, kSigned, 32, {3});
  call.tensors.word_ids = call.tensors.ban_ids = &none.value;
  call.tensors.word_offsets = &offsets.value;
  call.tensors.bias = &no_pairs.value;
  call.tensors.ban_offsets = call.tensors.end_id_offsets = call.tensors.bias_offsets = &offsets.value;
  ASSERT_EQ(call.fill(), FLLM_OK) << fllm_last_error();
  EXPECT_EQ(call.args.ban_offsets, nullptr);
  EXPECT_EQ(call.args.end_id_offsets, nullptr);
  EXPECT_EQ(call.args.bias_offsets, nullptr);
  EXPECT_EQ(call.args.word_offsets, nullptr);
}

TEST(CApiTensors, SayWhatIsWrong) {
  Call call;
  std::int64_t* const no_shape = nullptr;
  Tensor transposed(call.memory, kFloating, 32, {2, 5}, {1, 2}),
      overlapping(call.memory, kFloating, 32, {2, 5}, {4, 1}), doubles(call.memory, kFloating, 64, {2, 5}),
      cube(call.memory, kFloating, 32, {1, 2, 5}), negative(call.memory, kFloating, 32, {2, -5}),
      huge(call.memory, kFloating, 32, {1ll << 40, 1ll << 40}), null(nullptr, kFloating, 32, {2, 5}),
      elsewhere(call.memory, kFloating, 32, {2, 5}), shapeless(call.memory, kFloating, 32, {2, 5}),
      lanes(call.memory, kFloating, 32, {2, 5}), bits(call.memory, kFloating, 4, {2, 5}),
      odd(call.memory, 7, 8, {2, 5});
  elsewhere.value.device = {FLLM_DEVICE_CUDA, 1};
  shapeless.value.shape = no_shape;
  lanes.value.dtype.lanes = 4;
  const std::pair<const Tensor*, const char*> logits[] = {
      {&transposed, "strides [1, 2] of shape [2, 5]: must have 1 last, and rows that do not overlap"},
      {&overlapping, "strides [4, 1] of shape [2, 5]: must have 1 last, and rows that do not overlap"},
      {&doubles, "float64: must be float32, float16 or bfloat16"},
      {&odd, "type code 7 of 8 bits: must be float32, float16 or bfloat16"},
      {&cube, "shape [1, 2, 5]: must be [rows, vocab] or [vocab]"},
      {&negative, "shape [2, -5]: must be counts of what fits memory"},
      {&huge, "shape [1099511627776, 1099511627776]: must be counts of what fits memory"},
      {&null, "data NULL: must be given with shape [2, 5]"},
      {&elsewhere, "on cuda:1: must be where the sampler works, on cpu"},
      {&shapeless, "ndim 2: must be in [0, 8], with a shape"},
      {&lanes, "float32 x 4: must be one value of whole bytes an element"},
      {&bits, "float4: must be one value of whole bytes an element"},
  };
  for (const auto& [tensor, message] : logits) {
    SCOPED_TRACE(message);
    call.tensors.logits = &tensor->value;
    call.args.rows = 77;
    expect_refused(call.fill(), std::string("logits: ") + message);
    EXPECT_EQ(call.args.rows, 77) << "filled in by a call that failed";
  }
  call.tensors.logits = nullptr;
  expect_refused(call.fill(), "logits: NULL: must be given");
  expect_refused(fllm_sample_args_from_dl(call.sampler.get(), nullptr, &call.args),
                 "fllm_sample_tensors: NULL: must be given");
  expect_refused(fllm_sample_args_from_dl(nullptr, &call.tensors, &call.args), "sampler: NULL: must be given");
  expect_refused(fllm_sample_args_from_dl(call.sampler.get(), &call.tensors, nullptr),
                 "fllm_sample_args: NULL: must be given");
}

TEST(CApiTensors, ListEveryViolation) {
  Call call;
  const Tensor longs(call.words, kSigned, 64, {2}), three(call.words, kSigned, 32, {3}),
      gaps(call.words, kSigned, 32, {2}, {2}), floats(call.memory, kFloating, 32, {2}),
      halves(call.memory, kFloating, 16, {2}), pairs(call.words, kSigned, 32, {4, 3}),
      column(call.words, kSigned, 32, {4, 2}, {1, 4}), narrow(call.words, kSigned, 32, {1, 0}),
      wide(call.memory, kFloating, 32, {2, 6}), sizes(call.words, kSigned, 32, {5}),
      entries(call.words, kSigned, 32, {4, 2, 2}), filters(call.words, kSigned, 32, {2, 16}),
      sequences(call.words, kSigned, 32, {4, 7});
  call.tensors.tokens = &longs.value;
  call.tensors.temperature = &halves.value;
  call.tensors.top_k = &floats.value;
  call.tensors.seed = &three.value;
  call.tensors.position = &gaps.value;
  call.tensors.ban_offsets = &floats.value;
  call.tensors.bias = &pairs.value;
  call.tensors.allow_mask = &narrow.value;
  call.tensors.history_entries = &entries.value;
  call.tensors.history_sizes = &sizes.value;
  call.tensors.filters = &filters.value;
  call.tensors.sequence_tokens = &sequences.value;
  call.tensors.sequence_lengths = &sizes.value;
  call.tensors.mirostat_mu = &floats.value;
  call.tensors.breaker_ids = &floats.value;
  call.tensors.probabilities = &wide.value;
  call.tensors.workspace = &column.value;
  expect_refused(call.fill(),
                 "tokens: int64: must be int32 or uint32\n"
                 "temperature: float16: must be float32\n"
                 "top_k: float32: must be int32 or uint32\n"
                 "seed: int32: must be int64 or uint64\n"
                 "seed: shape [3]: must be [2]\n"
                 "position: strides [2] of shape [2]: must be row-major without gaps\n"
                 "ban_offsets: float32: must be int32 or uint32\n"
                 "ban_offsets: shape [2]: must be [3]\n"
                 "bias: shape [4, 3]: must be [any, 2]\n"
                 "allow_mask: shape [1, 0]: must have at least ceil(vocab / 32) words a row\n"
                 "allow_mask: shape [1, 0]: must have a row for each of logits, or mask_row be given\n"
                 "history_sizes: 5: must have an element for each slot of history_entries\n"
                 "filters: shape [2, 16]: must be [2, 17]\n"
                 "sequence_lengths: shape [5]: must be [4]\n"
                 "mirostat_mu: shape [2]: must be [4]\n"
                 "breaker_ids: float32: must be int32 or uint32\n"
                 "probabilities: shape [2, 6]: must be [2, 5]\n"
                 "workspace: strides [1, 4] of shape [4, 2]: must be row-major without gaps");
}

TEST(CApiTensors, FillOnlyWhatTheCallerKnows) {
  Call call;
  const Tensor top(call.words, kSigned, 32, {2, 3, 3});
  call.args.struct_size = offsetof(fllm_sample_args, temperature);
  call.args.top_k = reinterpret_cast<const std::int32_t*>(0x1000);  // behind the caller's structure: something else
  ASSERT_EQ(call.fill(), FLLM_OK) << fllm_last_error();
  EXPECT_EQ(call.args.rows, 2);
  EXPECT_EQ(call.args.top_k, reinterpret_cast<const std::int32_t*>(0x1000));
  call.tensors.top = &top.value;
  expect_refused(call.fill(), "fllm_sample_args.struct_size: " + std::to_string(call.args.struct_size) +
                                  ": too small for what is to be filled in; sizeof(fllm_sample_args) is " +
                                  std::to_string(sizeof call.args) + " in this version");
}

TEST(CApiTensors, AreSampled) {
  Call call;
  const float values[] = {0, 1, 9, 3, 4, 8, 1, 2, 3, 4};
  std::copy(std::begin(values), std::end(values), call.memory);
  float zeros[2] = {0, 0};
  const Tensor temperature(zeros, kFloating, 32, {2});
  call.tensors.temperature = &temperature.value;
  const std::vector<std::byte> workspace = [&] {
    fllm_sample_args args = call.args;
    args.rows = 2;
    args.vocab = 5;
    return give_workspace(call.sampler.get(), args);
  }();
  const Tensor memory(const_cast<std::byte*>(workspace.data()), kUnsigned, 8,
                      {static_cast<std::int64_t>(workspace.size())});
  call.tensors.workspace = &memory.value;
  ASSERT_EQ(fllm_sample_dl(call.sampler.get(), &call.tensors, nullptr, nullptr), FLLM_OK) << fllm_last_error();
  const auto* tokens = reinterpret_cast<const std::int32_t*>(call.words);
  EXPECT_THAT(std::vector(tokens, tokens + 2), testing::ElementsAre(2, 0));
  call.args.advance = 1;
  expect_refused(fllm_sample_dl(call.sampler.get(), &call.tensors, &call.args, nullptr),
                 "advance: 1: must have something to advance: position, generated, history_slot or sequences");
}

}  // namespace
}  // namespace fllm::test
