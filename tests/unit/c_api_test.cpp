// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <thread>

#include "cuda/backend/backend.h"
#include "cuda/backend/cuda_backend.h"
#include "fundamentallm/version.h"
#include "tests/support/c_sampler.h"

namespace fllm::test {
namespace {

/// A call with nothing but what must be given.
class SmallCall {
 public:
  explicit SmallCall(fllm_sampler* sampler) {
    args.struct_size = sizeof args;
    args.logits = logits.data();
    args.rows = 2;
    args.vocab = 4;
    args.tokens = tokens.data();
    workspace = give_workspace(sampler, args);
  }

  std::vector<float> logits{0, 3, 1, 2, 5, 4, 7, 6};
  std::vector<std::int32_t> tokens{-77, -77};
  std::vector<float> zeros{0, 0};
  std::vector<std::byte> workspace;
  fllm_sample_args args{};
};

TEST(CApi, StatusesHaveNames) {
  EXPECT_STREQ(fllm_status_string(FLLM_OK), "ok");
  EXPECT_STREQ(fllm_status_string(FLLM_INVALID_ARGUMENT), "invalid argument");
  EXPECT_STREQ(fllm_status_string(FLLM_UNSUPPORTED), "unsupported");
  EXPECT_STREQ(fllm_status_string(FLLM_OUT_OF_MEMORY), "out of memory");
  EXPECT_STREQ(fllm_status_string(FLLM_DEVICE_LOST), "device lost");
  EXPECT_STREQ(fllm_status_string(FLLM_INTERNAL), "internal error");
  EXPECT_STREQ(fllm_status_string(static_cast<fllm_status>(99)), "unknown status");
  EXPECT_STREQ(fllm_version(), FLLM_VERSION);
}

TEST(CApi, ACountEntryHasTheKernelsBits) {
  const CountEntry entry{7, 5, 1};
  fllm_count_entry bits{};
  std::memcpy(&bits, &entry, sizeof bits);
  EXPECT_EQ(bits.id, 7);
  EXPECT_EQ(bits.count, 5u | 1u << 31);
}

TEST(CApiCreate, ListsEveryViolation) {
  fllm_sampler* sampler = nullptr;
  fllm_sampler_options options{};
  options.struct_size = sizeof options;
  options.device_index = 1;
  options.threads = 1025;
  options.reserved = 1;
  expect_refused(fllm_sampler_create(&options, &sampler),
                 "device_type: 0: must be 1 (FLLM_DEVICE_CPU) or 2 (FLLM_DEVICE_CUDA)\n"
                 "device_index: 1: must be 0 on the CPU\n"
                 "threads: 1025: must be in [0, 1024] (0 is one per core)\n"
                 "reserved: 1: must be 0");
  options = {sizeof options, FLLM_DEVICE_CUDA, -1, 1, 0};
  expect_refused(fllm_sampler_create(&options, &sampler),
                 "device_index: -1: must be at least 0\nthreads: 1: must be 0 on CUDA");
  options = cpu_options();
  expect_refused(fllm_sampler_create(&options, nullptr), "out: NULL: must be given");
  sampler = reinterpret_cast<fllm_sampler*>(8);
  expect_refused(fllm_sampler_create(nullptr, &sampler), "fllm_sampler_options: NULL: must be given");
  EXPECT_EQ(sampler, nullptr) << "left as it was by a call that failed";
}

TEST(CApiCreate, SaysWhyThereIsNoDevice) {
  fllm_sampler* sampler = nullptr;
  const fllm_sampler_options options{sizeof options, FLLM_DEVICE_CUDA, 4097, 0, 0};
  EXPECT_EQ(fllm_sampler_create(&options, &sampler), FLLM_UNSUPPORTED);
  EXPECT_THAT(fllm_last_error(), testing::StartsWith("device cuda:4097: "));
  EXPECT_EQ(sampler, nullptr);
}

TEST(CApiCreate, DescribesTheSampler) {
  EXPECT_THAT(fllm_sampler_description(make_cpu(2).get()), testing::StartsWith("cpu (2 threads, "));
  EXPECT_STREQ(fllm_sampler_description(nullptr), "");
  fllm_sampler_destroy(nullptr);
}

TEST(CApiSample, DrawsWithTheDefaults) {
  const CSampler sampler = make_cpu();
  SmallCall call(sampler.get());
  call.args.temperature = call.zeros.data();
  ASSERT_EQ(fllm_sample(sampler.get(), &call.args, nullptr), FLLM_OK) << fllm_last_error();
  EXPECT_THAT(call.tokens, testing::ElementsAre(1, 2));
}

TEST(CApiSample, RefusesWhatIsNotThere) {
  const CSampler sampler = make_cpu();
  SmallCall call(sampler.get());
  std::size_t bytes = 0;
  expect_refused(fllm_sample(nullptr, &call.args, nullptr), "sampler: NULL: must be given");
  expect_refused(fllm_sample(sampler.get(), nullptr, nullptr), "fllm_sample_args: NULL: must be given");
  expect_refused(fllm_sampler_workspace_size(nullptr, &call.args, &bytes), "sampler: NULL: must be given");
  expect_refused(fllm_sampler_workspace_size(sampler.get(), &call.args, nullptr), "bytes: NULL: must be given");
  expect_refused(fllm_history_append(nullptr, nullptr, nullptr), "sampler: NULL: must be given");
  expect_refused(fllm_history_append(sampler.get(), nullptr, nullptr), "fllm_history_append_args: NULL: must be given");
}

const Wrong kWrong[] = {
    {"rows: -1: must be in [0, 1048576]", [](auto& a) { a.rows = -1; }},
    {"rows: 1048577: must be in [0, 1048576]", [](auto& a) { a.rows = 1048577; }},
    {"vocab: 0: must be in [1, 1048576]", [](auto& a) { a.vocab = 0; }},
    {"vocab: 1048577: must be in [1, 1048576]\nlogits_stride: 4: must be at least vocab, or 0 for that",
     [](auto& a) { a.vocab = 1048577, a.logits_stride = 4; }},
    {"logits_dtype: 3: must be 0 (FLLM_FLOAT32), 1 (FLLM_FLOAT16) or 2 (FLLM_BFLOAT16)",
     [](auto& a) { a.logits_dtype = 3; }},
    {"logits_dtype: -1: must be 0 (FLLM_FLOAT32), 1 (FLLM_FLOAT16) or 2 (FLLM_BFLOAT16)",
     [](auto& a) { a.logits_dtype = -1; }},
    {"blocks_per_row: 3: must be 0 (chosen by shape), 1, 2, 4 or 8", [](auto& a) { a.blocks_per_row = 3; }},
    {"blocks_per_row: -1: must be 0 (chosen by shape), 1, 2, 4 or 8", [](auto& a) { a.blocks_per_row = -1; }},
    {"logits: NULL: must be given", [](auto& a) { a.logits = nullptr; }},
    {"tokens: NULL: must be given", [](auto& a) { a.tokens = nullptr; }},
    {"logits: 0x1001: must be aligned to 4 bytes", [](auto& a) { a.logits = odd_address<void>(); }},
    {"logits: 0x1001: must be aligned to 2 bytes",
     [](auto& a) { a.logits = odd_address<void>(), a.logits_dtype = FLLM_FLOAT16; }},
    {"logits_stride: 3: must be at least vocab, or 0 for that", [](auto& a) { a.logits_stride = 3; }},
    {"logits_stride: -4: must be at least vocab, or 0 for that", [](auto& a) { a.logits_stride = -4; }},
    {"logits_stride: 9223372036854775807: must be at least vocab, or 0 for that",
     [](auto& a) { a.logits_stride = INT64_MAX; }},
    {"temperature: 0x1001: must be aligned to 4 bytes", [](auto& a) { a.temperature = odd_address<float>(); }},
    {"top_k: 0x1001: must be aligned to 4 bytes", [](auto& a) { a.top_k = odd_address<std::int32_t>(); }},
    {"top_p: 0x1001: must be aligned to 4 bytes", [](auto& a) { a.top_p = odd_address<float>(); }},
    {"min_p: 0x1001: must be aligned to 4 bytes", [](auto& a) { a.min_p = odd_address<float>(); }},
    {"repetition_penalty: 0x1001: must be aligned to 4 bytes",
     [](auto& a) { a.repetition_penalty = odd_address<float>(); }},
    {"frequency_penalty: 0x1001: must be aligned to 4 bytes",
     [](auto& a) { a.frequency_penalty = odd_address<float>(); }},
    {"presence_penalty: 0x1001: must be aligned to 4 bytes",
     [](auto& a) { a.presence_penalty = odd_address<float>(); }},
    {"seed: 0x1001: must be aligned to 8 bytes", [](auto& a) { a.seed = odd_address<std::uint64_t>(); }},
    {"position: 0x1001: must be aligned to 4 bytes", [](auto& a) { a.position = odd_address<std::uint32_t>(); }},
    {"sample_index: 0x1001: must be aligned to 4 bytes",
     [](auto& a) { a.sample_index = odd_address<std::uint32_t>(); }},
    {"fallback_id: 0x1001: must be aligned to 4 bytes", [](auto& a) { a.fallback_id = odd_address<std::int32_t>(); }},
    {"generated: 0x1001: must be aligned to 4 bytes", [](auto& a) { a.generated = odd_address<std::int32_t>(); }},
    {"min_tokens: 0x1001: must be aligned to 4 bytes", [](auto& a) { a.min_tokens = odd_address<std::int32_t>(); }},
    {"uniforms: 0x1001: must be aligned to 8 bytes", [](auto& a) { a.uniforms = odd_address<std::uint64_t>(); }},
    {"random_stream: 5: must be in [0, 4] (FLLM_STREAM_*)", [](auto& a) { a.random_stream = 5; }},
    {"random_stream: -1: must be in [0, 4] (FLLM_STREAM_*)", [](auto& a) { a.random_stream = -1; }},
    {"allow_mask: 0x1001: must be aligned to 4 bytes", [](auto& a) { a.allow_mask = odd_address<std::uint32_t>(); }},
    {"allow_mask: NULL: must be given with mask_row", [](auto& a) { a.mask_row = some_address<std::int32_t>(); }},
    {"mask_row: 0x1001: must be aligned to 4 bytes",
     [](auto& a) { a.allow_mask = some_address<std::uint32_t>(), a.mask_row = odd_address<std::int32_t>(); }},
    {"mask_words: 1: must be at least ceil(vocab / 32), or 0 for that many",
     [](auto& a) {
       a.allow_mask = some_address<std::uint32_t>(), a.mask_words = 1, a.vocab = 33, a.rows = 1;
       a.workspace_bytes = SIZE_MAX;
     }},
    {"mask_words: -1: must be at least ceil(vocab / 32), or 0 for that many",
     [](auto& a) { a.allow_mask = some_address<std::uint32_t>(), a.mask_words = -1; }},
    {"ban_ids: NULL: must be given with ban_offsets", [](auto& a) { a.ban_offsets = some_address<std::int32_t>(); }},
    {"ban_ids: NULL: must be given with end_id_offsets",
     [](auto& a) { a.end_id_offsets = some_address<std::int32_t>(); }},
    {"end_id_offsets: NULL: must be given with ban_ids, or ban_offsets",
     [](auto& a) { a.ban_ids = some_address<std::int32_t>(); }},
    {"ban_ids: 0x1001: must be aligned to 4 bytes\nban_offsets: 0x1001: must be aligned to 4 bytes\n"
     "end_id_offsets: 0x1001: must be aligned to 4 bytes",
     [](auto& a) { a.ban_ids = a.ban_offsets = a.end_id_offsets = odd_address<std::int32_t>(); }},
    {"bias: NULL: must be given with bias_offsets", [](auto& a) { a.bias_offsets = some_address<std::int32_t>(); }},
    {"bias_offsets: NULL: must be given with bias", [](auto& a) { a.bias = some_address<fllm_bias_entry>(); }},
    {"bias: 0x1001: must be aligned to 4 bytes\nbias_offsets: 0x1001: must be aligned to 4 bytes",
     [](auto& a) { a.bias = odd_address<fllm_bias_entry>(), a.bias_offsets = odd_address<std::int32_t>(); }},
    {"history: all zero: must be given with history_slot",
     [](auto& a) { a.history_slot = some_address<std::int32_t>(); }},
    {"history.entries: NULL: must be given\nhistory.sizes: NULL: must be given\nhistory.capacity: -1: must be at least "
     "1\n"
     "history.slots: 0: must be at least 1\nhistory_slot: NULL: must be given with history",
     [](auto& a) { a.history.capacity = -1; }},
    {"history_slot: 0x1001: must be aligned to 4 bytes\nhistory.entries: 0x1001: must be aligned to 4 bytes\n"
     "history.sizes: 0x1001: must be aligned to 4 bytes",
     [](auto& a) {
       a.history = {odd_address<fllm_count_entry>(), odd_address<std::int32_t>(), 1, 1};
       a.history_slot = odd_address<std::int32_t>();
     }},
    {"tokens: 0x1001: must be aligned to 4 bytes", [](auto& a) { a.tokens = odd_address<std::int32_t>(); }},
    {"status: 0x1001: must be aligned to 4 bytes", [](auto& a) { a.status = odd_address<std::uint32_t>(); }},
    {"details: 0x1001: must be aligned to 8 bytes", [](auto& a) { a.details = odd_address<fllm_sample_detail>(); }},
    {"top: 0x1001: must be aligned to 4 bytes",
     [](auto& a) { a.top = odd_address<fllm_top_entry>(), a.top_count = 1; }},
    {"top_count: 0: must be in [1, 32] with top", [](auto& a) { a.top = some_address<fllm_top_entry>(); }},
    {"top_count: 33: must be in [1, 32] with top",
     [](auto& a) { a.top = some_address<fllm_top_entry>(), a.top_count = 33; }},
    {"top_count: 3: must be 0 without top", [](auto& a) { a.top_count = 3; }},
    {"probabilities: 0x1001: must be aligned to 4 bytes", [](auto& a) { a.probabilities = odd_address<float>(); }},
    {"probabilities_stride: 3: must be at least vocab, or 0 for that",
     [](auto& a) { a.probabilities = some_address<float>(), a.probabilities_stride = 3; }},
    {"advance: 2: must be 0 or 1", [](auto& a) { a.advance = 2; }},
    {"advance: 1: must have something to advance: position, generated, history_slot or sequences",
     [](auto& a) { a.advance = 1; }},
    {"reserved: 1: must be 0", [](auto& a) { a.reserved = 1; }},
    {"workspace: NULL: must be given", [](auto& a) { a.workspace = nullptr; }},
};

TEST(CApiSample, SaysWhatIsWrong) {
  const CSampler sampler = make_cpu();
  for (const Wrong& wrong : kWrong) {
    SCOPED_TRACE(wrong.message);
    SmallCall call(sampler.get());
    wrong.change(call.args);
    expect_refused(fllm_sample(sampler.get(), &call.args, nullptr), wrong.message);
    EXPECT_THAT(call.tokens, testing::Each(-77)) << "written by a call that failed";
  }
}

TEST(CApiSample, ListsEveryViolation) {
  const CSampler sampler = make_cpu();
  fllm_sample_args args{};
  args.struct_size = sizeof args;
  args.rows = 1;
  args.vocab = -5;
  args.top_count = 40;
  args.advance = -1;
  expect_refused(fllm_sample(sampler.get(), &args, nullptr),
                 "vocab: -5: must be in [1, 1048576]\nlogits: NULL: must be given\ntokens: NULL: must be given\n"
                 "top_count: 40: must be 0 without top\nadvance: -1: must be 0 or 1");
  std::size_t bytes = 0;
  args.rows = -1;
  args.logits_dtype = 9;
  expect_refused(fllm_sampler_workspace_size(sampler.get(), &args, &bytes),
                 "rows: -1: must be in [0, 1048576]\nvocab: -5: must be in [1, 1048576]\n"
                 "logits_dtype: 9: must be 0 (FLLM_FLOAT32), 1 (FLLM_FLOAT16) or 2 (FLLM_BFLOAT16)");
}

TEST(CApiSample, NoRowsNeedNothing) {
  const CSampler sampler = make_cpu();
  fllm_sample_args args{};
  args.struct_size = sizeof args;
  args.vocab = 100;
  EXPECT_EQ(fllm_sample(sampler.get(), &args, nullptr), FLLM_OK) << fllm_last_error();
  std::size_t bytes = 1;
  EXPECT_EQ(fllm_sampler_workspace_size(sampler.get(), &args, &bytes), FLLM_OK);
  EXPECT_EQ(bytes, 0u);
}

TEST(CApiSample, TheWorkspaceNeedsItsBytesAndNoAlignment) {
  const CSampler sampler = make_cpu(2);
  constexpr std::int32_t kVocab = 5000;
  std::vector<float> logits(3 * kVocab, 0.0f);
  logits[7] = logits[kVocab + 4999] = logits[2 * kVocab] = 1;
  std::vector<std::int32_t> tokens(3);
  const std::vector<float> zeros(3, 0.0f);
  fllm_sample_args args{};
  args.struct_size = sizeof args;
  args.rows = 3;
  args.vocab = kVocab;
  std::size_t bytes = 0;
  ASSERT_EQ(fllm_sampler_workspace_size(sampler.get(), &args, &bytes), FLLM_OK);
  args.logits = logits.data();
  args.tokens = tokens.data();
  args.temperature = zeros.data();
  for (std::size_t offset = 0; offset < 64; offset += 7) {
    std::vector<unsigned char> memory(bytes + 2 * 64, 0xa5);
    args.workspace = memory.data() + offset;
    args.workspace_bytes = bytes;
    ASSERT_EQ(fllm_sample(sampler.get(), &args, nullptr), FLLM_OK) << fllm_last_error();
    EXPECT_THAT(tokens, testing::ElementsAre(7, 4999, 0));
    memory.erase(memory.begin() + static_cast<std::ptrdiff_t>(offset),
                 memory.begin() + static_cast<std::ptrdiff_t>(offset + bytes));
    EXPECT_THAT(memory, testing::Each(0xa5)) << "written beside the workspace";
  }
  args.workspace_bytes = bytes - 1;
  expect_refused(fllm_sample(sampler.get(), &args, nullptr), "workspace_bytes: " + std::to_string(bytes - 1) +
                                                                 ": must be at least " + std::to_string(bytes) +
                                                                 " (fllm_sampler_workspace_size)");
  std::size_t fewer = 0;
  for (args.rows = 0; args.rows <= 3; ++args.rows) {
    std::size_t more = 0;
    ASSERT_EQ(fllm_sampler_workspace_size(sampler.get(), &args, &more), FLLM_OK);
    EXPECT_GE(more, fewer);
    fewer = more;
  }
}

TEST(CApiStructSize, AnOlderCallerGetsTheDefaults) {
  const CSampler sampler = make_cpu();
  SmallCall call(sampler.get());
  call.args.temperature = call.zeros.data();
  const std::size_t old = offsetof(fllm_sample_args, top_k);
  std::vector<unsigned char> memory(sizeof(fllm_sample_args), 0xee);  // behind the old structure lies something else
  std::memcpy(memory.data(), &call.args, old);
  std::memcpy(memory.data(), &old, sizeof old);
  const auto* args = reinterpret_cast<const fllm_sample_args*>(memory.data());
  ASSERT_EQ(fllm_sample(sampler.get(), args, nullptr), FLLM_OK) << fllm_last_error();
  EXPECT_THAT(call.tokens, testing::ElementsAre(1, 2));
}

TEST(CApiStructSize, ANewerCallerMayLeaveWhatIsNewUnset) {
  const CSampler sampler = make_cpu();
  SmallCall call(sampler.get());
  call.args.temperature = call.zeros.data();
  struct Newer {
    fllm_sample_args args;
    std::uint64_t extra[2];
  } newer{call.args, {0, 0}};
  newer.args.struct_size = sizeof newer;
  ASSERT_EQ(fllm_sample(sampler.get(), &newer.args, nullptr), FLLM_OK) << fllm_last_error();
  EXPECT_THAT(call.tokens, testing::ElementsAre(1, 2));
  newer.extra[1] = 1;
  const std::string known = std::to_string(sizeof(fllm_sample_args));
  expect_refused(fllm_sample(sampler.get(), &newer.args, nullptr),
                 "fllm_sample_args.struct_size: " + std::to_string(sizeof newer) + ": this version knows " + known +
                     " bytes, and byte " + std::to_string(sizeof newer - 8) +
                     " is set: the caller asks for something newer");
}

TEST(CApiStructSize, RefusesWhatIsNoSize) {
  const CSampler sampler = make_cpu();
  SmallCall call(sampler.get());
  for (const std::size_t size : {std::size_t{0}, std::size_t{8}, sizeof call.args - 4, std::size_t{1} << 20}) {
    call.args.struct_size = size;
    expect_refused(fllm_sample(sampler.get(), &call.args, nullptr),
                   "fllm_sample_args.struct_size: " + std::to_string(size) + ": must be sizeof(fllm_sample_args), " +
                       std::to_string(sizeof call.args) + " in this version");
  }
}

TEST(CApiErrors, BelongToTheThread) {
  const CSampler sampler = make_cpu();
  expect_refused(fllm_sample(sampler.get(), nullptr, nullptr), "fllm_sample_args: NULL: must be given");
  std::string other = "not asked";
  std::thread([&] { other = fllm_last_error(); }).join();
  EXPECT_EQ(other, "");
  SmallCall call(sampler.get());
  ASSERT_EQ(fllm_sample(sampler.get(), &call.args, nullptr), FLLM_OK);
  EXPECT_STREQ(fllm_last_error(), "fllm_sample_args: NULL: must be given") << "a success is no failure";
}

TEST(CApiThreads, MayShareASampler) {
  const CSampler sampler = make_cpu(2);
  constexpr std::int32_t kRows = 8, kVocab = 3000;
  std::vector<std::vector<std::int32_t>> tokens(4, std::vector<std::int32_t>(kRows, -1));
  std::vector<float> logits(std::size_t{kRows} * kVocab);
  std::mt19937 random(1);
  for (float& l : logits) l = static_cast<float>(random() % 1000) / 250.0f;
  std::vector<std::jthread> threads;
  threads.reserve(tokens.size());
  for (std::vector<std::int32_t>& own : tokens) {
    threads.emplace_back([&] {
      fllm_sample_args args{};
      args.struct_size = sizeof args;
      args.logits = logits.data();
      args.rows = kRows;
      args.vocab = kVocab;
      args.tokens = own.data();
      const std::vector<std::byte> workspace = give_workspace(sampler.get(), args);
      for (int i = 0; i < 20; ++i) EXPECT_EQ(fllm_sample(sampler.get(), &args, nullptr), FLLM_OK) << fllm_last_error();
    });
  }
  threads.clear();
  for (const std::vector<std::int32_t>& own : tokens) EXPECT_EQ(own, tokens[0]);
  EXPECT_THAT(tokens[0], testing::Each(testing::AllOf(testing::Ge(0), testing::Lt(kVocab))));
}

}  // namespace
}  // namespace fllm::test
