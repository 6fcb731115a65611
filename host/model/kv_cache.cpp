// SPDX-License-Identifier: Apache-2.0
#include "host/model/kv_cache.h"

namespace fllm {

KvCache::KvCache(Backend& backend, const ModelConfig& config, std::int32_t block_count, std::int32_t spare_count)
    : memory_(backend, std::size_t{2} * static_cast<std::size_t>(config.num_layers) *
                           static_cast<std::size_t>(block_count + spare_count) * kKvBlockTokens *
                           static_cast<std::size_t>(config.kv_width())),
      spare_count_(spare_count),
      width_(config.kv_width()),
      layer_count_(config.num_layers),
      references_(static_cast<std::size_t>(block_count), 0),
      generations_(references_.size(), 0),
      kept_(references_.size(), false),
      next_idle_(references_.size() + 1, block_count),
      previous_idle_(references_.size() + 1, block_count) {
  free_.reserve(references_.size());
  for (std::int32_t block = block_count; block-- > 0;) free_.push_back(block);
}

KvLayer KvCache::layer(std::int32_t index) const {
  const std::size_t blocks = references_.size() + static_cast<std::size_t>(spare_count_);
  const std::size_t elements = blocks * kKvBlockTokens * static_cast<std::size_t>(width_);
  float* keys = memory_.data() + 2 * static_cast<std::size_t>(index) * elements;
  return {keys, keys + elements, width_};
}

std::int32_t KvCache::take() {
  std::int32_t block = next_idle_[index(block_count())];
  if (!free_.empty()) {
    block = free_.back();
    free_.pop_back();
  } else {
    unlink_idle(block);
  }
  references_[index(block)] = 1;
  ++generations_[index(block)];
  kept_[index(block)] = false;
  return block;
}

void KvCache::share(std::int32_t block) {
  if (idle(block)) unlink_idle(block);
  ++references_[index(block)];
}

void KvCache::release(std::int32_t block) {
  if (--references_[index(block)] > 0) return;
  if (kept_[index(block)]) {
    link_idle(block);
  } else {
    free_.push_back(block);
  }
}

void KvCache::link_idle(std::int32_t block) {
  const std::int32_t head = block_count(), last = previous_idle_[index(head)];
  next_idle_[index(last)] = previous_idle_[index(head)] = block;
  previous_idle_[index(block)] = last;
  next_idle_[index(block)] = head;
  ++idle_count_;
}

void KvCache::unlink_idle(std::int32_t block) {
  const std::int32_t next = next_idle_[index(block)], previous = previous_idle_[index(block)];
  next_idle_[index(previous)] = next;
  previous_idle_[index(next)] = previous;
  --idle_count_;
}

void KvCache::copy(Backend& backend, const std::int32_t* source, const std::int32_t* destination, std::int32_t count,
                   std::int32_t tokens) const {
  for (std::int32_t i = 0; i < layer_count_; ++i) backend.copy_blocks({layer(i), source, destination, count, tokens});
}

}  // namespace fllm
