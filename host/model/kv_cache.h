// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "cuda/backend/backend.h"
#include "host/model/model.h"

namespace fllm {

/// Keys and values of every layer, in blocks of kKvBlockTokens tokens shared by reference count. The memory is reserved
/// once; taking and releasing blocks is bookkeeping on the host, and allocates nothing. A block that is kept outlives its
/// last reference: it is idle, can be shared again, and is given out anew when no other is free, the longest idle first.
class KvCache {
 public:
  /// spare_count: more blocks, numbered from block_count on, that are never given out.
  KvCache(Backend& backend, const ModelConfig& config, std::int32_t block_count, std::int32_t spare_count = 0);

  [[nodiscard]] std::int32_t block_count() const { return static_cast<std::int32_t>(references_.size()); }
  [[nodiscard]] std::int32_t idle_block_count() const { return idle_count_; }
  /// Blocks that take() can give: the idle ones too.
  [[nodiscard]] std::int32_t free_block_count() const { return static_cast<std::int32_t>(free_.size()) + idle_count_; }
  [[nodiscard]] static std::int32_t blocks_for(std::int32_t tokens) {
    return (tokens + kKvBlockTokens - 1) / kKvBlockTokens;
  }
  [[nodiscard]] KvLayer layer(std::int32_t index) const;

  /// A block with one reference and no contents. Precondition: free_block_count() > 0.
  [[nodiscard]] std::int32_t take();
  void share(std::int32_t block);    // one more reference; an idle block is idle no longer
  void release(std::int32_t block);  // one less; at zero it is free, or idle where it is kept
  void keep(std::int32_t block) { kept_[index(block)] = true; }
  [[nodiscard]] bool idle(std::int32_t block) const { return kept_[index(block)] && references_[index(block)] == 0; }
  /// How often the block was taken: block and generation name one content for good.
  [[nodiscard]] std::uint64_t generation(std::int32_t block) const { return generations_[index(block)]; }
  /// Copies the first tokens of blocks, in every layer. source and destination are [count] on the device.
  void copy(Backend& backend, const std::int32_t* source, const std::int32_t* destination, std::int32_t count,
            std::int32_t tokens) const;

 private:
  static std::size_t index(std::int32_t block) { return static_cast<std::size_t>(block); }
  void link_idle(std::int32_t block);
  void unlink_idle(std::int32_t block);

  DeviceArray<float> memory_;  // [layers, 2, blocks and spare ones, kKvBlockTokens, width]
  std::int32_t spare_count_ = 0;
  std::int32_t width_ = 0;
  std::int32_t layer_count_ = 0;
  std::vector<std::int32_t> references_;    // per block
  std::vector<std::uint64_t> generations_;  // per block
  std::vector<bool> kept_;                  // per block
  std::vector<std::int32_t> free_;
  std::vector<std::int32_t> next_idle_,
      previous_idle_;  // ring of idle blocks; its head is the entry after the last block
  std::int32_t idle_count_ = 0;
};

}  // namespace fllm
