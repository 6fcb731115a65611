// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "cuda/runtime/device_buffer.h"
#include "cuda/runtime/stream.h"
#include "fundamentallm/sampler.h"

namespace fllm::bench {

/// What every row of a launch asks for.
struct CudaCase {
  const char* name = "";
  float temperature = 0.8f;  // 0: greedy
  std::int32_t top_k = 0;
  float top_p = 1;
  bool everything =
      false;         // min-p, penalties on 500 ids, 16 biases, a mask of 7 ids in 8, details and the 20 most likely too
  float spread = 2;  // standard deviation of the logits
};

[[nodiscard]] std::span<const CudaCase> cuda_cases();

struct CudaShape {
  std::int32_t rows = 1;
  std::int32_t vocab = 128256;
  LogitsType type = LogitsType::kFloat32;  // or kBFloat16
};

/// Rows of one shape in device memory, several times over (slots), and the arguments that sample them.
class CudaSamplerWork {
 public:
  /// Slots: at least least_slots, and so many that they are larger than `bytes`, but at most most_slots.
  struct Slots {
    std::size_t bytes = 0;
    std::size_t least = 1;
    std::size_t most = 1;
  };

  /// Errors: Exception(kOutOfMemory).
  CudaSamplerWork(const Sampler& sampler, const CudaShape& shape, const CudaCase& work, const Slots& slots,
                  const cuda::Stream& stream);

  [[nodiscard]] SampleArguments arguments(std::size_t slot);
  [[nodiscard]] std::size_t slots() const { return slot_count_; }
  /// What a launch has to read: logits, and the mask where there is one.
  [[nodiscard]] std::size_t bytes() const { return logits_bytes_ + mask_bytes_; }

 private:
  template <class T>
  std::span<T> put(const std::vector<T>& values);
  void fill(std::size_t offset, std::size_t bytes, const cuda::DeviceBuffer& pattern, std::size_t& position);
  void put_row_features();

  CudaShape shape_;
  CudaCase work_;
  cudaStream_t stream_;
  std::size_t logits_bytes_;
  std::size_t mask_bytes_;
  std::size_t slot_bytes_;
  std::size_t slot_count_;
  cuda::DeviceBuffer slab_;
  cuda::DeviceBuffer workspace_;
  std::deque<cuda::DeviceBuffer> arrays_;
  SampleArguments common_;
};

}  // namespace fllm::bench
