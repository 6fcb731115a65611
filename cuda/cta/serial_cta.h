// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "cuda/portable/annotations.h"

namespace fllm {

/// A block of one thread: barriers and shuffles cost nothing, block-stride loops become plain loops that vectorise.
/// Isa is a tag type, one per instruction set the kernels are compiled for: it keeps their instantiations apart.
template <class Isa>
class SerialCta {
 public:
  static constexpr std::int32_t kWarpWidth = 1;
  using InstructionSet = Isa;

  FLLM_DEVICE SerialCta(std::int32_t block_index, std::int32_t block_count, void* dynamic_shared)
      : block_index_(block_index), block_count_(block_count), dynamic_shared_(dynamic_shared) {}

  FLLM_DEVICE std::int32_t block_index() const { return block_index_; }
  FLLM_DEVICE std::int32_t block_count() const { return block_count_; }
  FLLM_DEVICE std::int32_t thread_index() const { return 0; }
  FLLM_DEVICE std::int32_t thread_count() const { return 1; }
  FLLM_DEVICE std::int32_t lane() const { return 0; }
  FLLM_DEVICE std::int32_t warp() const { return 0; }
  FLLM_DEVICE std::int32_t warp_count() const { return 1; }
  FLLM_DEVICE void sync() const {}
  FLLM_DEVICE void sync_warp() const {}
  template <class T>
  FLLM_DEVICE T shuffle(T value, std::int32_t) const {
    return value;
  }
  template <class T>
  FLLM_DEVICE T shuffle_xor(T value, std::int32_t) const {
    return value;
  }
  FLLM_DEVICE std::uint32_t ballot(bool predicate) const { return predicate ? 1u : 0u; }
  template <class T>
  FLLM_DEVICE T atomic_add(T* address, T value) const {
    const T old = *address;
    *address = old + value;
    return old;
  }
  FLLM_DEVICE void atomic_max(std::uint32_t* address, std::uint32_t value) const {
    *address = *address < value ? value : *address;
  }
  FLLM_DEVICE void publish(std::uint32_t* address, std::uint32_t value) const {
    __atomic_store_n(address, value, __ATOMIC_RELEASE);
  }
  FLLM_DEVICE void* dynamic_shared() const { return dynamic_shared_; }
  FLLM_DEVICE std::int32_t cluster_rank() const { return 0; }
  FLLM_DEVICE std::int32_t cluster_size() const { return 1; }
  FLLM_DEVICE void cluster_sync() const {}
  template <class T>
  FLLM_DEVICE T* remote(T* local, std::int32_t) const {
    return local;
  }

  /// Asks for memory that will be read soon. Streams in pieces are too short for the hardware to see them coming.
  FLLM_DEVICE static void prefetch(const float* data, std::int32_t count) {
    for (std::int32_t i = 0; i < count; i += 16) __builtin_prefetch(data + i);
  }

  /// Sum of 32 values by xor steps 16, 8, 4, 2, 1: what a warp does by shuffles, in vector registers. (As loops over
  /// arrays the last steps would be taken apart into scalars.)
  FLLM_DEVICE float sum_strands(const float (&strand)[32]) const {
    typedef float Eight __attribute__((vector_size(32), aligned(4), may_alias));
    const auto* part = reinterpret_cast<const Eight*>(strand);
    Eight sum = (part[0] + part[2]) + (part[1] + part[3]);
    sum += __builtin_shufflevector(sum, sum, 4, 5, 6, 7, 0, 1, 2, 3);
    sum += __builtin_shufflevector(sum, sum, 2, 3, 0, 1, 6, 7, 4, 5);
    return sum[0] + sum[1];
  }

 private:
  std::int32_t block_index_, block_count_;
  void* dynamic_shared_;
};

}  // namespace fllm
