// SPDX-License-Identifier: Apache-2.0
#include "apps/bench/cuda_sampler_work.h"

#include <algorithm>
#include <cstring>
#include <random>

#include "apps/bench/normal_values.h"
#include "cuda/runtime/check.h"

namespace fllm::bench {
namespace {

constexpr CudaCase kCases[] = {
    {"greedy", 0},
    {"temperature", 0.8f},
    {"top-k 50 + top-p 0.9", 0.8f, 50, 0.9f},
    {"all features", 0.8f, 50, 0.9f, true},
    {"flat rows, top-p 0.9", 1, 0, 0.9f, false, 0.01f},
};
constexpr std::int32_t kHistory = 500;
constexpr std::int32_t kBiases = 16;
constexpr std::size_t kTop = 20;
// Elements of the pattern that fills the rows. Odd: rows of even widths begin at different places of it.
constexpr std::size_t kPattern = (std::size_t{1} << 22) - 1;
constexpr std::size_t kAlignment = 256;

std::size_t rounded_up(std::size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

std::size_t element_bytes(LogitsType type) { return type == LogitsType::kFloat32 ? 4 : 2; }

std::size_t elements(const CudaShape& shape) {
  return static_cast<std::size_t>(shape.rows) * static_cast<std::size_t>(shape.vocab);
}

std::size_t mask_words(const CudaShape& shape) {
  return static_cast<std::size_t>(shape.rows) * ((static_cast<std::size_t>(shape.vocab) + 31) / 32);
}

cuda::DeviceBuffer upload(const void* data, std::size_t bytes, cudaStream_t stream) {
  cuda::DeviceBuffer buffer(bytes);
  cuda::check(cudaMemcpyAsync(buffer.data(), data, bytes, cudaMemcpyHostToDevice, stream), "uploading");
  cuda::check(cudaStreamSynchronize(stream), "uploading");
  return buffer;
}

cuda::DeviceBuffer logits_pattern(LogitsType type, float spread, std::size_t count, cudaStream_t stream) {
  std::vector<float> values = normal_values(count);
  for (float& value : values) value *= spread;
  if (type == LogitsType::kFloat32) return upload(values.data(), count * sizeof(float), stream);
  std::vector<std::uint16_t> halves(count);
  for (std::size_t i = 0; i < count; ++i) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, &values[i], sizeof bits);
    halves[i] = static_cast<std::uint16_t>(bits >> 16);
  }
  return upload(halves.data(), count * sizeof(std::uint16_t), stream);
}

cuda::DeviceBuffer mask_pattern(std::size_t words, cudaStream_t stream) {
  std::mt19937 generator(2);
  std::vector<std::uint32_t> mask(words);
  for (std::uint32_t& word : mask) {
    for (int i = 0; i < 3; ++i) word |= generator();  // 7 bits of 8
  }
  return upload(mask.data(), words * sizeof(std::uint32_t), stream);
}

}  // namespace

std::span<const CudaCase> cuda_cases() { return kCases; }

CudaSamplerWork::CudaSamplerWork(const Sampler& sampler, const CudaShape& shape, const CudaCase& work,
                                 const Slots& slots, const cuda::Stream& stream)
    : shape_(shape),
      work_(work),
      stream_(stream.get()),
      logits_bytes_(elements(shape) * element_bytes(shape.type)),
      mask_bytes_(work.everything ? mask_words(shape) * sizeof(std::uint32_t) : 0),
      slot_bytes_(rounded_up(logits_bytes_) + rounded_up(mask_bytes_)),
      slot_count_(std::min(std::max(slots.least, slots.bytes / slot_bytes_ + 1), slots.most)),
      slab_(slot_bytes_ * slot_count_) {
  const auto pattern_elements = [&](std::size_t wanted) { return std::min(wanted * slot_count_, kPattern); };
  const cuda::DeviceBuffer logits = logits_pattern(shape.type, work.spread, pattern_elements(elements(shape)), stream_);
  const cuda::DeviceBuffer mask = mask_pattern(pattern_elements(mask_words(shape)), stream_);
  std::size_t logits_position = 0, mask_position = 0;
  for (std::size_t slot = 0; slot < slot_count_; ++slot) {
    fill(slot * slot_bytes_, logits_bytes_, logits, logits_position);
    fill(slot * slot_bytes_ + rounded_up(logits_bytes_), mask_bytes_, mask, mask_position);
  }
  cuda::check(cudaStreamSynchronize(stream_), "filling the rows");

  common_.logits = {.rows = shape.rows, .vocab = shape.vocab, .type = shape.type};
  const std::size_t bytes = sampler.workspace_bytes(common_.logits).value();
  workspace_ = cuda::DeviceBuffer(bytes);
  common_.workspace = {static_cast<std::byte*>(workspace_.data()), bytes};
  put_row_features();
}

template <class T>
std::span<T> CudaSamplerWork::put(const std::vector<T>& values) {
  arrays_.push_back(upload(values.data(), values.size() * sizeof(T), stream_));
  return {static_cast<T*>(arrays_.back().data()), values.size()};
}

void CudaSamplerWork::fill(std::size_t offset, std::size_t bytes, const cuda::DeviceBuffer& pattern,
                           std::size_t& position) {
  auto* destination = static_cast<std::byte*>(slab_.data()) + offset;
  while (bytes > 0) {
    const std::size_t part = std::min(bytes, pattern.bytes() - position);
    cuda::check(cudaMemcpyAsync(destination, static_cast<const std::byte*>(pattern.data()) + position, part,
                                cudaMemcpyDeviceToDevice, stream_),
                "filling the rows");
    destination += part;
    bytes -= part;
    position = (position + part) % pattern.bytes();
  }
}

void CudaSamplerWork::put_row_features() {
  const auto rows = static_cast<std::size_t>(shape_.rows);
  const auto each = [&](auto value) { return std::vector<decltype(value)>(rows, value); };
  std::vector<std::uint64_t> seeds(rows);
  for (std::size_t row = 0; row < rows; ++row) seeds[row] = row;
  common_.tokens = put(each(std::int32_t{}));
  common_.status = put(each(std::uint32_t{}));
  common_.temperature = put(each(work_.temperature));
  common_.top_k = put(each(work_.top_k));
  common_.top_p = put(each(work_.top_p));
  common_.seed = put(seeds);
  common_.position = put(each(std::uint32_t{}));
  if (!work_.everything) return;

  common_.min_p = put(each(0.02f));
  common_.repetition_penalty = put(each(1.1f));
  common_.frequency_penalty = put(each(0.2f));
  common_.presence_penalty = put(each(0.1f));
  common_.details = put(each(fllm_sample_detail{}));
  common_.top = put(std::vector<fllm_top_entry>(rows * kTop));
  const std::int32_t history = std::min(kHistory, shape_.vocab);
  std::vector<fllm_count_entry> counts;
  std::vector<fllm_bias_entry> biases;
  std::vector<std::int32_t> bias_offsets{0}, slots;
  for (std::int32_t row = 0; row < shape_.rows; ++row) {
    for (std::int32_t i = 0; i < history; ++i) {
      counts.push_back({i * (shape_.vocab / history), 0x80000001u + static_cast<std::uint32_t>(i) % 3});
    }
    for (std::int32_t i = 0; i < std::min(kBiases, shape_.vocab); ++i) biases.push_back({i, 0.5f});
    bias_offsets.push_back(static_cast<std::int32_t>(biases.size()));
    slots.push_back(row);
  }
  common_.history = {
      .entries = put(counts).data(), .sizes = put(each(history)).data(), .capacity = history, .slots = shape_.rows};
  common_.history_slot = put(slots);
  common_.bias = put(biases);
  common_.bias_offsets = put(bias_offsets);
}

SampleArguments CudaSamplerWork::arguments(std::size_t slot) {
  SampleArguments arguments = common_;
  std::byte* start = static_cast<std::byte*>(slab_.data()) + slot * slot_bytes_;
  arguments.logits.data = start;
  if (mask_bytes_ > 0) {
    arguments.allow_mask = {reinterpret_cast<const std::uint32_t*>(start + rounded_up(logits_bytes_)),
                            mask_bytes_ / sizeof(std::uint32_t)};
  }
  return arguments;
}

}  // namespace fllm::bench
