// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "fundamentallm/options.h"
#include "host/model/kv_cache.h"

namespace fllm {

using BlockIds = std::span<const TokenId, kKvBlockTokens>;

/// Hashes of the full blocks of a prompt, each over its parent's hash and its own ids.
[[nodiscard]] std::vector<std::uint64_t> chain_hashes(std::span<const TokenId> prompt);

/// Finds the blocks of a KV cache that hold the beginning of a prompt. An entry names its parent by block and generation
/// and holds its own ids, and both are compared: equal hashes alone share nothing. One entry a block, so the memory is
/// fixed; an entry dies when its block, or its parent's, is taken for something else.
class PrefixIndex {
 public:
  static constexpr std::int32_t kNone = -1;  // as a parent: the beginning of the text

  explicit PrefixIndex(const KvCache& cache);

  /// The block that holds ids after parent, or kNone. Precondition: parent's contents are alive.
  [[nodiscard]] std::int32_t find(std::int32_t parent, std::uint64_t hash, BlockIds ids) const;
  /// block will hold ids after parent. Precondition: both are referenced.
  void insert(std::int32_t parent, std::uint64_t hash, BlockIds ids, std::int32_t block);

 private:
  struct Entry {
    std::uint64_t hash = 0;
    std::uint64_t generation = 0;  // of the block, when it was entered; 0: never
    std::uint64_t parent_generation = 0;
    std::int32_t parent = kNone;
    std::int32_t next = kNone;  // of its bucket
    std::array<TokenId, kKvBlockTokens> ids{};
  };
  [[nodiscard]] std::uint64_t generation(std::int32_t block) const {
    return block == kNone ? 0 : cache_->generation(block);
  }
  [[nodiscard]] std::size_t bucket(std::uint64_t hash) const { return hash & (buckets_.size() - 1); }
  void unlink(std::int32_t block);

  const KvCache* cache_;
  std::vector<Entry> entries_;         // [blocks]
  std::vector<std::int32_t> buckets_;  // first entry, or kNone; a power of two
};

}  // namespace fllm
