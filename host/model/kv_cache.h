// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "cuda/backend/backend.h"
#include "host/model/model.h"

namespace fllm {

/// Keys and values of every layer, in blocks of kKvBlockTokens tokens shared by reference count. The memory is reserved
/// once; taking and releasing blocks is bookkeeping on the host.
class KvCache {
 public:
  KvCache(Backend& backend, const ModelConfig& config, std::int32_t block_count);

  [[nodiscard]] std::int32_t block_count() const { return static_cast<std::int32_t>(references_.size()); }
  [[nodiscard]] std::int32_t free_block_count() const { return static_cast<std::int32_t>(free_.size()); }
  [[nodiscard]] static std::int32_t blocks_for(std::int32_t tokens) {
    return (tokens + kKvBlockTokens - 1) / kKvBlockTokens;
  }
  [[nodiscard]] KvLayer layer(std::int32_t index) const;

  /// A free block with one reference. Precondition: free_block_count() > 0.
  [[nodiscard]] std::int32_t take();
  void share(std::int32_t block);    // one more reference
  void release(std::int32_t block);  // one less; free at zero
  /// Copies the first tokens of blocks, in every layer. source and destination are [count] on the device.
  void copy(Backend& backend, const std::int32_t* source, const std::int32_t* destination, std::int32_t count,
            std::int32_t tokens) const;

 private:
  DeviceArray<float> memory_;  // [layers, 2, blocks, kKvBlockTokens, width]
  std::int32_t width_ = 0;
  std::int32_t layer_count_ = 0;
  std::vector<std::int32_t> references_;  // per block
  std::vector<std::int32_t> free_;
};

}  // namespace fllm
