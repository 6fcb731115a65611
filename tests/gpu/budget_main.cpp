// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstring>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "cuda/backend/cuda_backend.h"
#include "fundamentallm/generator.h"
#include "tests/gpu/budget_beams.h"
#include "tests/gpu/budget_commit.h"
#include "tests/gpu/budget_draft_loop.h"
#include "tests/gpu/budget_drafts.h"

// The fixed work whose launches scripts/kernel_budget counts: one sampler launch per case, announced on stdout as
// "name|logits", on rows of normal logits (standard deviation 2) at temperature 0.8; one of attention per case, announced as
// "Attention, name|bytes of keys and values", where chunks are left in memory with "JoinChunks, name|bytes of chunks" behind
// it; steps of a beam search; verifications of drafts; tokens taken over, drafts too; then two greedy generations whose difference
// is one step, and one with 4 drafts in each step.
namespace fllm {
namespace {

constexpr std::int32_t kVocab = 128256;

struct SamplerCase {
  const char* name;
  LogitType type;
  std::int32_t rows;
  RowSampling sampling;
  bool edits = false;    // a mask that allows 7 of 8 ids, penalties on 64
  bool outputs = false;  // details and the 20 most likely
};

constexpr RowSampling row_of(float temperature, std::int32_t top_k, bool top_p) {
  RowSampling s;
  s.temperature = temperature;
  s.top_k = top_k;
  s.top_p_on = top_p ? 1 : 0;
  s.top_p = 0xe6666666u;  // 0.9
  return s;
}

constexpr RowSampling kGreedy = row_of(0, 0, false);
constexpr RowSampling kNeutral = row_of(0.8f, 0, false);
constexpr RowSampling kTopKTopP = row_of(0.8f, 50, true);
constexpr RowSampling kTopP = row_of(0.8f, 0, true);
constexpr LogitType kF32 = LogitType::kFloat32, kBf16 = LogitType::kBFloat16;

constexpr SamplerCase kCases[] = {
    {"fp32, 1 row, greedy", kF32, 1, kGreedy},
    {"fp32, 1 row, neutral", kF32, 1, kNeutral},
    {"fp32, 1 row, top-k 50 + top-p 0.9", kF32, 1, kTopKTopP},
    {"fp32, 1 row, top-k 50 + top-p 0.9, penalties, mask", kF32, 1, kTopKTopP, true},
    {"fp32, 1 row, top-p 0.9", kF32, 1, kTopP},
    {"fp32, 1 row, everything", kF32, 1, kTopKTopP, true, true},
    {"fp32, 16 rows, top-k 50 + top-p 0.9, penalties, mask", kF32, 16, kTopKTopP, true},
    {"fp32, 64 rows, top-k 50 + top-p 0.9", kF32, 64, kTopKTopP},
    {"bf16, 1 row, greedy", kBf16, 1, kGreedy},
    {"bf16, 1 row, neutral", kBf16, 1, kNeutral},
    {"bf16, 16 rows, top-k 50 + top-p 0.9, penalties, mask", kBf16, 16, kTopKTopP, true},
};

class SamplerWork {
 public:
  SamplerWork(Backend& backend, const SamplerCase& work) : backend_(backend) {
    std::mt19937 generator(1);
    std::normal_distribution<float> normal(0, 2);
    const std::int32_t logits = work.rows * kVocab;
    std::vector<std::uint32_t> words(static_cast<std::size_t>(work.type == kF32 ? logits : logits / 2));
    for (std::uint32_t& word : words) {
      const auto bits = [&] {
        const float value = normal(generator);
        std::uint32_t raw;
        std::memcpy(&raw, &value, sizeof raw);
        return raw;
      };
      word = work.type == kF32 ? bits() : (bits() & 0xffff0000u) | bits() >> 16;
    }
    params_.logits = put(words);
    params_.stride = kVocab;
    params_.rows = work.rows;
    params_.vocab = kVocab;
    std::vector<RowSampling> rows(static_cast<std::size_t>(work.rows), work.sampling);
    std::vector<std::uint32_t> mask(kVocab / 32 * static_cast<std::size_t>(work.rows), ~0u);
    std::vector<CountEntry> counts;
    for (std::int32_t row = 0; work.edits && row < work.rows; ++row) {
      RowSampling& s = rows[static_cast<std::size_t>(row)];
      s.mask_row = row;
      s.repetition_penalty = 1.1f;
      s.frequency_penalty = s.presence_penalty = 0.2f;
      s.counts.begin = static_cast<std::int32_t>(counts.size());
      for (int i = 0; i < 64; ++i) counts.push_back({static_cast<std::int32_t>(generator() % kVocab), 1, 1});
      s.counts.end = static_cast<std::int32_t>(counts.size());
    }
    for (std::uint32_t& word : mask) {
      std::uint32_t seven_of_eight = 0;
      for (int i = 0; i < 3; ++i) seven_of_eight |= generator();
      word = seven_of_eight;
    }
    params_.sampling = put(rows);
    params_.allow_mask = put(mask);
    params_.mask_words = kVocab / 32;
    params_.counts = put(counts);
    params_.tokens = put(std::vector<std::int32_t>(rows.size()));
    params_.status = put(std::vector<std::uint32_t>(rows.size()));
    if (work.outputs) {
      params_.details = put(std::vector<SampleDetail>(rows.size()));
      params_.top_count = 20;
      params_.top = put(std::vector<TopEntry>(rows.size() * 20));
    }
  }

  [[nodiscard]] const SampleParams& params() const { return params_; }

 private:
  template <class T>
  T* put(const std::vector<T>& values) {
    memory_.emplace_back(backend_, values.size() * sizeof(T) + 1);
    backend_.upload(memory_.back().data(), values.data(), values.size() * sizeof(T));
    return reinterpret_cast<T*>(memory_.back().data());
  }

  Backend& backend_;
  std::vector<DeviceArray<unsigned char>> memory_;
  SampleParams params_;
};

void sample_cases(Backend& backend) {
  for (const SamplerCase& work : kCases) {
    const SamplerWork prepared(backend, work);
    std::cout << "SampleRow, " << work.name << '|' << std::int64_t{work.rows} * kVocab << '\n';
    backend.sample(work.type, prepared.params());
    backend.synchronize();
  }
}

struct AttentionCase {
  const char* name;
  std::int32_t rows, heads, key_heads, head_dim;
  std::int32_t positions;  // of each row; 0: the rows are a prompt, one after the other
  bool in_memory = false;  // what a device without clusters does
};

constexpr AttentionCase kAttention[] = {
    {"1 row, 9 heads of 64 over 3, 1,000 positions", 1, 9, 3, 64, 1000},
    {"1 row, 8 heads of 128 over 1, 4,096 positions", 1, 8, 1, 128, 4096},
    {"1 row, 8 heads of 128 over 1, 4,096 positions in memory", 1, 8, 1, 128, 4096, true},
    {"64 rows, 9 heads of 64 over 3, 300 positions", 64, 9, 3, 64, 300},
    {"prompt of 256, 9 heads of 64 over 3", 256, 9, 3, 64, 0},
};

void run_attention(Backend& backend, const AttentionCase& work) {
  const std::int32_t longest = work.positions > 0 ? work.positions : work.rows;
  const std::int32_t stride = (longest + kKvBlockTokens - 1) / kKvBlockTokens;
  const std::int32_t sequences = work.positions > 0 ? work.rows : 1;
  const std::int32_t width = work.key_heads * work.head_dim, query_width = work.heads * work.head_dim;
  const std::int32_t qkv_width = query_width + 2 * width;
  const auto filled = [&](std::int64_t count) {
    DeviceArray<float> array(backend, static_cast<std::size_t>(count));
    array.upload(std::vector<float>(static_cast<std::size_t>(count), 0.25f));
    return array;
  };
  const auto uploaded = [&](const std::vector<std::int32_t>& values) {
    DeviceArray<std::int32_t> array(backend, values.size());
    array.upload(values);
    return array;
  };
  std::vector<std::int32_t> table(static_cast<std::size_t>(sequences * stride)), positions, row_sequence;
  for (std::size_t i = 0; i < table.size(); ++i) table[i] = static_cast<std::int32_t>(i);
  for (std::int32_t row = 0; row < work.rows; ++row) {
    positions.push_back(work.positions > 0 ? work.positions - 1 : row);
    row_sequence.push_back(work.positions > 0 ? row : 0);
  }
  const std::int64_t cache = std::int64_t{sequences} * stride * kKvBlockTokens * width;
  const DeviceArray<float> qkv = filled(std::int64_t{work.rows} * qkv_width), keys = filled(cache),
                           values = filled(cache), out = filled(std::int64_t{work.rows} * query_width);
  const DeviceArray<std::int32_t> blocks = uploaded(table), at = uploaded(positions), owner = uploaded(row_sequence);
  std::cout << "Attention, " << work.name << '|' << std::int64_t{sequences} * longest * width * 8 << '\n';
  AttentionParams params{{qkv.data(), work.rows, qkv_width, qkv_width},
                         at.data(),
                         {blocks.data(), stride, owner.data()},
                         {keys.data(), values.data(), width},
                         work.heads,
                         work.head_dim,
                         0.125f,
                         {out.data(), work.rows, query_width, query_width}};
  const auto chunk_columns = static_cast<std::int32_t>(attention_chunk_columns(work.heads, work.head_dim));
  const DeviceArray<float> chunks = filled(work.in_memory ? std::int64_t{work.rows} * chunk_columns : 0);
  if (work.in_memory) {
    params.spread.parts = kAttentionChunks;
    params.chunks = {chunks.data(), work.rows, chunk_columns, chunk_columns};
    std::cout << "JoinChunks, " << work.name << '|' << 4 * std::int64_t{work.rows} * chunk_columns << '\n';
  }
  backend.attention(params);
  backend.synchronize();
}

void generate(std::int32_t tokens, const std::string& draft_model = "") {
  const EngineOptions options{.device = "cuda:0", .draft_model = draft_model};
  Generator generator = Generator::open("apps/models/shakespeare", options).value();
  Request request;
  request.prompt = "ROMEO:";
  request.sampling.temperature = 0;
  request.length.max_tokens = tokens;
  if (!draft_model.empty()) request.speculation = SpeculationOptions{.draft_tokens = 4};
  (void)generator.generate(request).value();
}

}  // namespace
}  // namespace fllm

int main() {
  try {
    const auto backend = fllm::make_cuda_backend(0);
    fllm::sample_cases(*backend);
    for (const fllm::AttentionCase& work : fllm::kAttention) fllm::run_attention(*backend, work);
    fllm::run_beam_steps(*backend, fllm::kVocab);
    fllm::run_draft_verification(*backend, fllm::kVocab);
    fllm::run_commit_steps(*backend);
    fllm::run_draft_loop(*backend);
    fllm::generate(3);
    fllm::generate(4);
    fllm::generate(16, "apps/models/shakespeare/draft");
  } catch (const std::exception& error) {
    std::cerr << "kernel_budget_work: " << error.what() << '\n';
    return 1;
  }
}
