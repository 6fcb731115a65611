// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>

namespace fllm {

/// A cooperative thread array as a kernel sees it. One object per thread; every member may be called by any thread, but
/// the collectives must be reached by all threads they name, in the same order.
///
///   kWarpWidth            32, or 1 where a thread is its own warp
///   block_index/count     which block of the grid, of how many
///   thread_index/count    which thread of the block, of how many (a multiple of kWarpWidth)
///   lane, warp, warp_count
///   sync                  block barrier, orders shared and global memory within the block
///   sync_warp             warp barrier, orders memory within the warp
///   shuffle(v, lane)      v of another lane; shuffle_xor(v, m): of lane ^ m. Whole warp, v of 1..8 bytes
///   ballot(b)             bit i: b of lane i. Whole warp
///   atomic_add(p, v)      adds to shared or global memory, returns the old value (uint32, uint64: order-free)
///   atomic_max(p, v)      raises what is there to v, likewise (uint32)
///   publish(p, v)         stores to memory the host reads meanwhile, behind all this thread has written before (uint32)
///   dynamic_shared()      start of the launch's dynamic shared memory, 16-byte aligned
///   cluster_rank/size     which block of a cluster of consecutive blocks, of how many (1 where there are no clusters)
///   cluster_sync          barrier of all blocks of the cluster, orders shared and global memory among them
///   remote(p, rank)       p, which points into shared memory, as the block `rank` of the cluster has it
template <class C>
concept Cta = requires(const C& cta, std::uint32_t* p32, unsigned long long* p64) {
  { C::kWarpWidth } -> std::convertible_to<std::int32_t>;
  { cta.block_index() } -> std::same_as<std::int32_t>;
  { cta.block_count() } -> std::same_as<std::int32_t>;
  { cta.thread_index() } -> std::same_as<std::int32_t>;
  { cta.thread_count() } -> std::same_as<std::int32_t>;
  { cta.lane() } -> std::same_as<std::int32_t>;
  { cta.warp() } -> std::same_as<std::int32_t>;
  { cta.warp_count() } -> std::same_as<std::int32_t>;
  cta.sync();
  cta.sync_warp();
  { cta.shuffle(1.0f, 0) } -> std::same_as<float>;
  { cta.shuffle_xor(std::uint64_t{1}, 1) } -> std::same_as<std::uint64_t>;
  { cta.ballot(true) } -> std::same_as<std::uint32_t>;
  cta.atomic_add(p32, std::uint32_t{1});
  cta.atomic_add(p64, 1ull);
  cta.atomic_max(p32, std::uint32_t{1});
  cta.publish(p32, std::uint32_t{1});
  { cta.dynamic_shared() } -> std::same_as<void*>;
  { cta.cluster_rank() } -> std::same_as<std::int32_t>;
  { cta.cluster_size() } -> std::same_as<std::int32_t>;
  cta.cluster_sync();
  { cta.remote(p32, 0) } -> std::same_as<std::uint32_t*>;
};

}  // namespace fllm
