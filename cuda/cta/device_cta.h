// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "cuda/portable/annotations.h"

namespace fllm {

/// A CUDA thread block of whole warps. Only nvcc reads this file.
struct DeviceCta {
  static constexpr std::int32_t kWarpWidth = 32;

  FLLM_DEVICE std::int32_t block_index() const { return static_cast<std::int32_t>(blockIdx.x); }
  FLLM_DEVICE std::int32_t block_count() const { return static_cast<std::int32_t>(gridDim.x); }
  FLLM_DEVICE std::int32_t thread_index() const { return static_cast<std::int32_t>(threadIdx.x); }
  FLLM_DEVICE std::int32_t thread_count() const { return static_cast<std::int32_t>(blockDim.x); }
  FLLM_DEVICE std::int32_t lane() const { return static_cast<std::int32_t>(threadIdx.x & 31u); }
  FLLM_DEVICE std::int32_t warp() const { return static_cast<std::int32_t>(threadIdx.x >> 5); }
  FLLM_DEVICE std::int32_t warp_count() const { return static_cast<std::int32_t>(blockDim.x >> 5); }
  FLLM_DEVICE void sync() const { __syncthreads(); }
  FLLM_DEVICE void sync_warp() const { __syncwarp(); }
  template <class T>
  FLLM_DEVICE T shuffle(T value, std::int32_t lane) const {
    return __shfl_sync(0xffffffffu, value, lane);
  }
  template <class T>
  FLLM_DEVICE T shuffle_xor(T value, std::int32_t mask) const {
    return __shfl_xor_sync(0xffffffffu, value, mask);
  }
  FLLM_DEVICE std::uint32_t ballot(bool predicate) const { return __ballot_sync(0xffffffffu, predicate); }
  FLLM_DEVICE std::uint32_t atomic_add(std::uint32_t* address, std::uint32_t value) const {
    return atomicAdd(address, value);
  }
  FLLM_DEVICE unsigned long long atomic_add(unsigned long long* address, unsigned long long value) const {
    return atomicAdd(address, value);
  }
  FLLM_DEVICE void atomic_max(std::uint32_t* address, std::uint32_t value) const { atomicMax(address, value); }
  // A fence of the whole system, then a store that is not torn, cached or left out: for the host, which reads the word with
  // acquire, a release. Volatile accesses are relaxed ones of system scope in the memory model of PTX.
  FLLM_DEVICE void publish(std::uint32_t* address, std::uint32_t value) const {
    __threadfence_system();
    *const_cast<volatile std::uint32_t*>(address) = value;
  }
  // Clusters came with compute capability 9.0; before it a block is alone.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  FLLM_DEVICE std::int32_t cluster_rank() const { return static_cast<std::int32_t>(__clusterRelativeBlockRank()); }
  FLLM_DEVICE std::int32_t cluster_size() const { return static_cast<std::int32_t>(__clusterSizeInBlocks()); }
  FLLM_DEVICE void cluster_sync() const {
    __cluster_barrier_arrive();
    __cluster_barrier_wait();
  }
  template <class T>
  FLLM_DEVICE T* remote(T* local, std::int32_t rank) const {
    return static_cast<T*>(__cluster_map_shared_rank(local, static_cast<unsigned>(rank)));
  }
#else
  FLLM_DEVICE std::int32_t cluster_rank() const { return 0; }
  FLLM_DEVICE std::int32_t cluster_size() const { return 1; }
  FLLM_DEVICE void cluster_sync() const { __syncthreads(); }
  template <class T>
  FLLM_DEVICE T* remote(T* local, std::int32_t) const {
    return local;
  }
#endif
  FLLM_DEVICE void* dynamic_shared() const {
    extern __shared__ uint4 fllm_dynamic_shared[];
    return fllm_dynamic_shared;
  }
};

}  // namespace fllm
