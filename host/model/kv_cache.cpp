// SPDX-License-Identifier: Apache-2.0
#include "host/model/kv_cache.h"

namespace fllm {

KvCache::KvCache(Backend& backend, const ModelConfig& config, std::int32_t block_count)
    : memory_(backend, std::size_t{2} * static_cast<std::size_t>(config.num_layers) *
                           static_cast<std::size_t>(block_count) * kKvBlockTokens *
                           static_cast<std::size_t>(config.kv_width())),
      width_(config.kv_width()),
      layer_count_(config.num_layers),
      references_(static_cast<std::size_t>(block_count), 0) {
  free_.reserve(references_.size());
  for (std::int32_t block = block_count; block-- > 0;) free_.push_back(block);
}

KvLayer KvCache::layer(std::int32_t index) const {
  const std::size_t elements = references_.size() * kKvBlockTokens * static_cast<std::size_t>(width_);
  float* keys = memory_.data() + 2 * static_cast<std::size_t>(index) * elements;
  return {keys, keys + elements, width_};
}

std::int32_t KvCache::take() {
  const std::int32_t block = free_.back();
  free_.pop_back();
  references_[static_cast<std::size_t>(block)] = 1;
  return block;
}

void KvCache::share(std::int32_t block) { ++references_[static_cast<std::size_t>(block)]; }

void KvCache::release(std::int32_t block) {
  if (--references_[static_cast<std::size_t>(block)] == 0) free_.push_back(block);
}

void KvCache::copy(Backend& backend, const std::int32_t* source, const std::int32_t* destination, std::int32_t count,
                   std::int32_t tokens) const {
  for (std::int32_t i = 0; i < layer_count_; ++i) backend.copy_blocks({layer(i), source, destination, count, tokens});
}

}  // namespace fllm
