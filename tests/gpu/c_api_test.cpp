// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <set>

#include "cuda/runtime/check.h"
#include "cuda/runtime/device_buffer.h"
#include "cuda/runtime/graph.h"
#include "cuda/runtime/stream.h"
#include "tests/support/array_call.h"
#include "tests/support/c_sampler.h"
#include "tests/support/same_bytes.h"
#include "tests/support/sample_cases.h"

// The C interface on a CUDA device: on the caller's stream, eagerly and replayed from a graph, with the results of the CPU.
namespace fllm::test {
namespace {

CSampler make_cuda() {
  const fllm_sampler_options options{sizeof options, FLLM_DEVICE_CUDA, 0, 0, 0};
  fllm_sampler* sampler = nullptr;
  EXPECT_EQ(fllm_sampler_create(&options, &sampler), FLLM_OK) << fllm_last_error();
  return CSampler(sampler);
}

/// Arrays in device memory that stand for arrays of the host.
class Mirror {
 public:
  explicit Mirror(const cuda::Stream& stream) : stream_(stream) {}

  /// The device's copy of count values; NULL for NULL.
  template <class T>
  T* copy(T* values, std::size_t count) {
    if (values == nullptr || count == 0) return nullptr;
    Pair& pair = pairs_.emplace_back(cuda::DeviceBuffer(count * sizeof(T)));
    pair.bytes = count * sizeof(T);
    if constexpr (!std::is_const_v<T>) pair.host = values;
    cuda::check(cudaMemcpyAsync(pair.device.data(), values, pair.bytes, cudaMemcpyHostToDevice, stream_.get()),
                "copying");
    stream_.synchronize();
    return static_cast<T*>(pair.device.data());
  }
  /// Brings every array back that may be written.
  void fetch() {
    for (const Pair& pair : pairs_) {
      if (pair.host == nullptr) continue;
      cuda::check(cudaMemcpyAsync(pair.host, pair.device.data(), pair.bytes, cudaMemcpyDeviceToHost, stream_.get()),
                  "copying");
    }
    stream_.synchronize();
  }

 private:
  struct Pair {
    explicit Pair(cuda::DeviceBuffer buffer) : device(std::move(buffer)) {}
    cuda::DeviceBuffer device;
    void* host = nullptr;
    std::size_t bytes = 0;
  };
  const cuda::Stream& stream_;
  std::deque<Pair> pairs_;
};

/// The call with its arrays on the device.
fllm_sample_args on_device(Mirror& mirror, const SampleBatch& batch, ArrayCall& call) {
  fllm_sample_args a = call.args();
  const auto rows = static_cast<std::size_t>(a.rows);
  const std::vector<unsigned char>& logits = batch.logit_bytes();
  a.logits = mirror.copy(logits.data(), logits.size()) + batch.base_bytes();
  a.tokens = mirror.copy(a.tokens, rows);
  a.status = mirror.copy(a.status, rows);
  a.temperature = mirror.copy(a.temperature, rows);
  a.top_k = mirror.copy(a.top_k, rows);
  a.top_p = mirror.copy(a.top_p, rows);
  a.min_p = mirror.copy(a.min_p, rows);
  a.repetition_penalty = mirror.copy(a.repetition_penalty, rows);
  a.frequency_penalty = mirror.copy(a.frequency_penalty, rows);
  a.presence_penalty = mirror.copy(a.presence_penalty, rows);
  a.seed = mirror.copy(a.seed, rows);
  a.position = mirror.copy(a.position, rows);
  a.sample_index = mirror.copy(a.sample_index, rows);
  a.fallback_id = mirror.copy(a.fallback_id, rows);
  a.generated = mirror.copy(a.generated, rows);
  a.min_tokens = mirror.copy(a.min_tokens, rows);
  a.allow_mask = mirror.copy(a.allow_mask, call.mask_count());
  a.mask_row = a.allow_mask != nullptr ? mirror.copy(a.mask_row, rows) : nullptr;
  a.ban_ids = mirror.copy(a.ban_ids, call.ban_ids.size());
  a.ban_offsets = mirror.copy(a.ban_offsets, rows + 1);
  a.end_id_offsets = mirror.copy(a.end_id_offsets, rows + 1);
  a.bias = mirror.copy(a.bias, call.bias.size());
  a.bias_offsets = mirror.copy(a.bias_offsets, rows + 1);
  a.history.entries = mirror.copy(a.history.entries, call.history_entries.size());
  a.history.sizes = mirror.copy(a.history.sizes, rows);
  a.history_slot = mirror.copy(a.history_slot, rows);
  a.uniforms = mirror.copy(a.uniforms, rows);
  a.details = mirror.copy(a.details, rows);
  a.top = mirror.copy(a.top, call.top.size());
  a.probabilities = mirror.copy(a.probabilities, call.probabilities.size());
  return a;
}

/// Everything either call wrote.
void expect_same(const ArrayCall& device, const ArrayCall& host) {
  EXPECT_EQ(device.tokens, host.tokens);
  EXPECT_EQ(device.status, host.status);
  EXPECT_TRUE(same_bytes(device.details, host.details));
  EXPECT_TRUE(same_bytes(device.top, host.top));
  EXPECT_TRUE(same_bytes(device.probabilities, host.probabilities));
  EXPECT_EQ(device.position, host.position);
  EXPECT_EQ(device.generated, host.generated);
  EXPECT_EQ(device.history_sizes, host.history_sizes);
  EXPECT_TRUE(same_bytes(device.history_entries, host.history_entries));
}

SampleBatch some_batch(Random& random, std::int32_t vocab) {
  constexpr LogitType kTypes[] = {LogitType::kFloat32, LogitType::kFloat16, LogitType::kBFloat16};
  return mixed_batch({.type = kTypes[random() % 3],
                      .vocab = vocab,
                      .base_offset = static_cast<std::int32_t>(random() % 8),
                      .stride_gap = static_cast<std::int32_t>(random() % 2 * 3),
                      .inject_uniforms = random() % 2 == 0,
                      .top_count = static_cast<std::int32_t>(random() % 2 * 4)},
                     4, random);
}

TEST(CudaCApi, DescribesTheDevice) {
  EXPECT_THAT(fllm_sampler_description(make_cuda().get()), testing::StartsWith("cuda:0 ("));
}

TEST(CudaCApi, GivesWhatTheCpuGives) {
  Random random(31);
  const CSampler cuda_sampler = make_cuda(), cpu_sampler = make_cpu();
  const cuda::Stream stream;
  for (const std::int32_t vocab : {5, 300, 2000, 5000}) {
    const SampleBatch batch = some_batch(random, vocab);
    ArrayCall device(batch), host(batch);
    Mirror mirror(stream);
    fllm_sample_args args = on_device(mirror, batch, device), host_args = host.args();
    args.advance = host_args.advance = 1;
    const std::vector<std::byte> workspace = give_workspace(cpu_sampler.get(), host_args);
    ASSERT_EQ(fllm_sample(cpu_sampler.get(), &host_args, nullptr), FLLM_OK) << fllm_last_error();
    ASSERT_EQ(fllm_sample(cuda_sampler.get(), &args, stream.get()), FLLM_OK) << fllm_last_error();
    mirror.fetch();
    expect_same(device, host);
  }
}

TEST(CudaCApi, AdvancesThroughReplays) {
  Random random(32);
  const CSampler cuda_sampler = make_cuda(), cpu_sampler = make_cpu();
  const cuda::Stream stream;
  SampleBatch batch({.vocab = 700, .inject_uniforms = false});
  RowCase row;
  row.sampling.presence_penalty = 0.5f;
  row.sampling.seed = 5;
  for (std::int32_t i = 0; i < 4; ++i) {
    row.counts.push_back({i, 0, 1});  // room for as many distinct tokens, then the history is full
    batch.add(std::vector<float>(700, 0.25f), row);
  }
  ArrayCall device(batch), host(batch);
  Mirror mirror(stream);
  fllm_sample_args args = on_device(mirror, batch, device), host_args = host.args();
  args.advance = host_args.advance = 1;
  const std::vector<std::byte> workspace = give_workspace(cpu_sampler.get(), host_args);
  cuda::StreamCapture capture(stream.get());
  ASSERT_EQ(fllm_sample(cuda_sampler.get(), &args, stream.get()), FLLM_OK) << fllm_last_error();
  const cuda::Graph graph = capture.end();
  std::set<std::vector<std::int32_t>> seen;
  for (int replay = 0; replay < 5; ++replay) {
    graph.launch(stream.get());
    mirror.fetch();
    ASSERT_EQ(fllm_sample(cpu_sampler.get(), &host_args, nullptr), FLLM_OK) << fllm_last_error();
    expect_same(device, host);
    seen.insert(device.tokens);
  }
  EXPECT_EQ(seen.size(), 5u) << "two replays drew the same tokens";
}

TEST(CudaCApi, StreamsRowsTooLargeForTheChip) {
  const CSampler cuda_sampler = make_cuda(), cpu_sampler = make_cpu();
  const cuda::Stream stream;
  constexpr std::int32_t kVocab = 70000;  // 280 KB in one block
  Random random(33);
  std::vector<float> logits(kVocab);
  for (float& l : logits) l = static_cast<float>(random() % 4096) / 512.0f;
  SampleBatch batch({.vocab = kVocab});
  RowCase row;
  row.sampling.top_k = 40;
  row.uniform = random();
  batch.add(logits, row);
  ArrayCall device(batch), host(batch);
  Mirror mirror(stream);
  fllm_sample_args args = on_device(mirror, batch, device), host_args = host.args();
  args.blocks_per_row = 1;
  std::size_t bytes = 0;
  ASSERT_EQ(fllm_sampler_workspace_size(cuda_sampler.get(), &args, &bytes), FLLM_OK) << fllm_last_error();
  ASSERT_GT(bytes, kVocab * sizeof(float));
  expect_refused(fllm_sample(cuda_sampler.get(), &args, stream.get()),
                 "workspace_bytes: 0: must be at least " + std::to_string(bytes) + " (fllm_sampler_workspace_size)");
  const cuda::DeviceBuffer workspace(bytes + 5);
  args.workspace = static_cast<std::byte*>(workspace.data()) + 5;
  args.workspace_bytes = bytes;
  const std::vector<std::byte> host_workspace = give_workspace(cpu_sampler.get(), host_args);
  ASSERT_EQ(fllm_sample(cpu_sampler.get(), &host_args, nullptr), FLLM_OK) << fllm_last_error();
  ASSERT_EQ(fllm_sample(cuda_sampler.get(), &args, stream.get()), FLLM_OK) << fllm_last_error();
  mirror.fetch();
  expect_same(device, host);
}

TEST(CudaCApi, AppendsToHistories) {
  const CSampler sampler = make_cuda();
  const cuda::Stream stream;
  Mirror mirror(stream);
  std::vector<fllm_count_entry> entries(2 * 4, {-1, 0});
  std::vector<std::int32_t> sizes{0, 0}, ids{3, 3, 1, 9, 2}, offsets{0, 3, 5};
  std::vector<std::uint32_t> status{99, 99};
  fllm_history_append_args args{};
  args.struct_size = sizeof args;
  args.history = {mirror.copy(entries.data(), entries.size()), mirror.copy(sizes.data(), 2), 4, 2};
  args.ids = mirror.copy(ids.data(), ids.size());
  args.id_offsets = mirror.copy(offsets.data(), offsets.size());
  args.status = mirror.copy(status.data(), 2);
  args.rows = 2;
  args.vocab = 9;
  ASSERT_EQ(fllm_history_append(sampler.get(), &args, stream.get()), FLLM_OK) << fllm_last_error();
  mirror.fetch();
  EXPECT_THAT(sizes, testing::ElementsAre(2, 1));
  EXPECT_THAT(status, testing::ElementsAre(0u, 0u));
  EXPECT_EQ(entries[0].id, 3);
  EXPECT_EQ(entries[0].count, 1u << 31 | 2);
  EXPECT_EQ(entries[1].id, 1);
  EXPECT_EQ(entries[4].id, 2);
}

}  // namespace
}  // namespace fllm::test
