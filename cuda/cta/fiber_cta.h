// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <string>

#include "cuda/cta/cta_concept.h"
#include "cuda/cta/fiber_block.h"
#include "cuda/portable/source_location.h"

namespace fllm {

/// A thread of a block that FiberBlock runs: warps of 32, barriers and shuffles that really wait, and errors where a GPU's
/// answer would be undefined. Tests only.
class FiberCta {
 public:
  static constexpr std::int32_t kWarpWidth = FiberBlock::kWarpWidth;

  /// What the threads of a block have in common.
  struct Frame {
    FiberBlock* block = nullptr;
    std::int32_t block_index = 0;
    std::int32_t block_count = 0;
    std::int32_t thread_count = 0;
    void* dynamic_shared = nullptr;
  };

  FiberCta(const Frame& frame, std::int32_t thread) : frame_(&frame), thread_(thread) {}

  std::int32_t block_index() const { return frame_->block_index; }
  std::int32_t block_count() const { return frame_->block_count; }
  std::int32_t thread_index() const { return thread_; }
  std::int32_t thread_count() const { return frame_->thread_count; }
  std::int32_t lane() const { return thread_ % kWarpWidth; }
  std::int32_t warp() const { return thread_ / kWarpWidth; }
  std::int32_t warp_count() const { return frame_->thread_count / kWarpWidth; }

  void sync(SourceLocation where = SourceLocation::current()) const { frame_->block->sync(thread_, where); }
  void sync_warp(SourceLocation where = SourceLocation::current()) const {
    frame_->block->exchange(thread_, FiberOperation::kSyncWarp, 0, 0, where);
  }
  template <class T>
  T shuffle(T value, std::int32_t lane, SourceLocation where = SourceLocation::current()) const {
    check_lane("lane", lane, where);
    return from_bits<T>(
        frame_->block->exchange(thread_, FiberOperation::kShuffle, to_bits(value), sizeof(T), where)[lane]);
  }
  template <class T>
  T shuffle_xor(T value, std::int32_t mask, SourceLocation where = SourceLocation::current()) const {
    check_lane("mask", mask, where);
    return from_bits<T>(
        frame_->block->exchange(thread_, FiberOperation::kShuffleXor, to_bits(value), mask, where)[lane() ^ mask]);
  }
  std::uint32_t ballot(bool predicate, SourceLocation where = SourceLocation::current()) const {
    const std::uint64_t* votes = frame_->block->exchange(thread_, FiberOperation::kBallot, predicate ? 1 : 0, 0, where);
    std::uint32_t result = 0;
    for (std::int32_t i = 0; i < kWarpWidth; ++i) result |= static_cast<std::uint32_t>(votes[i]) << i;
    return result;
  }
  /// Plain: fibers of one system thread never interleave within a statement.
  template <class T>
  T atomic_add(T* address, T value) const {
    const T old = *address;
    *address = old + value;
    return old;
  }
  void atomic_max(std::uint32_t* address, std::uint32_t value) const { *address = *address < value ? value : *address; }
  void publish(std::uint32_t* address, std::uint32_t value) const {
    __atomic_store_n(address, value, __ATOMIC_RELEASE);
  }
  void* dynamic_shared() const { return frame_->dynamic_shared; }
  // A cluster of one block: what blocks do to each other is tested on the compiled kernels.
  std::int32_t cluster_rank() const { return 0; }
  std::int32_t cluster_size() const { return 1; }
  void cluster_sync(SourceLocation where = SourceLocation::current()) const { sync(where); }
  template <class T>
  T* remote(T* local, std::int32_t) const {
    return local;
  }

 private:
  template <class T>
  static std::uint64_t to_bits(T value) {
    static_assert(sizeof(T) <= sizeof(std::uint64_t));
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof(T));
    return bits;
  }
  template <class T>
  static T from_bits(std::uint64_t bits) {
    T value;
    std::memcpy(&value, &bits, sizeof(T));
    return value;
  }
  void check_lane(const char* what, std::int32_t value, const SourceLocation& where) const {
    if (value < 0 || value >= kWarpWidth) {
      frame_->block->fail(FiberFault::kBadLane, thread_, where,
                          std::string("shuffle ") + what + " " + std::to_string(value) + " is outside [0, 32)");
    }
  }

  const Frame* frame_;
  std::int32_t thread_;
};

static_assert(Cta<FiberCta>);

}  // namespace fllm
