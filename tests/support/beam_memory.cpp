// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <utility>

#include "tests/support/beam_device.h"

namespace fllm::test {
namespace {

std::size_t size_of(std::int32_t count) { return static_cast<std::size_t>(count); }

}  // namespace

SearchMemory::SearchMemory(Backend& backend, const BeamCase& asked)
    : asked_(asked),
      width_(size_of(asked.rules.width)),
      length_(size_of(asked.rules.max_length)),
      device_cum_(backend, width_),
      device_mask_states_(backend, width_),
      device_stop_states_(backend, width_),
      device_tokens_(backend, length_ * width_),
      device_parents_(backend, length_ * width_),
      device_logprobs_(backend, length_ * width_),
      device_ancestors_(backend, length_ * width_ * (asked.rules.width <= kMaxSmallBeamWidth ? 1 : 2)),
      device_pool_(backend, width_),
      device_news_(backend.allocate_visible(2 * sizeof(std::uint32_t))),
      device_proven_(backend.allocate_visible(length_ * sizeof(std::int32_t))) {
  std::memset(device_news_->on_host(), 0, 2 * sizeof(std::uint32_t));
  std::memset(device_proven_->on_host(), 0xA5, length_ * sizeof(std::int32_t));
}

BeamSearch SearchMemory::start() const {
  BeamSearch search;
  search.rules = asked_.rules;
  search.cum = device_cum_.data();
  search.mask_states = asked_.rules.mask_start >= 0 ? device_mask_states_.data() : nullptr;
  search.stop_states = asked_.rules.stop_start >= 0 ? device_stop_states_.data() : nullptr;
  search.tokens = device_tokens_.data();
  search.parents = device_parents_.data();
  search.logprobs = device_logprobs_.data();
  search.ancestors = device_ancestors_.data();
  search.pool = device_pool_.data();
  search.news = static_cast<std::uint32_t*>(device_news_->on_device());
  search.proven_tokens = static_cast<std::int32_t*>(device_proven_->on_device());
  return search;
}

void SearchMemory::download() {
  cum = device_cum_.download("cum");
  mask_states = device_mask_states_.download("mask states");
  stop_states = device_stop_states_.download("stop states");
  pool = device_pool_.download("pool");
  tokens_ = device_tokens_.download("tokens");
  parents_ = device_parents_.download("parents");
  logprobs_ = device_logprobs_.download("logprobs");
  earlier_ancestors_ = std::exchange(ancestors_, device_ancestors_.download("ancestors"));
  const auto* words = static_cast<const std::uint32_t*>(device_news_->on_host());
  news.assign(words, words + 2);
  const auto* proven = static_cast<const std::int32_t*>(device_proven_->on_host());
  proven_tokens.assign(proven, proven + length_);
}

std::int32_t SearchMemory::ancestor(std::int32_t step, std::int32_t beam) const {
  if (asked_.rules.width <= kMaxSmallBeamWidth) return ancestors_[place(step, beam)];
  std::uint16_t slot;
  std::memcpy(&slot, ancestors_.data() + 2 * place(step, beam), sizeof slot);
  return slot;
}

bool SearchMemory::kept_ancestors(std::int32_t slot, std::int32_t count) const {
  if (earlier_ancestors_.empty()) return true;
  const std::size_t bytes = asked_.rules.width <= kMaxSmallBeamWidth ? 1 : 2;
  for (std::int32_t step = 0; step < count; ++step) {
    const std::size_t at = bytes * place(step, slot);
    if (std::memcmp(ancestors_.data() + at, earlier_ancestors_.data() + at, bytes) != 0) return false;
  }
  return true;
}

std::vector<std::int32_t> SearchMemory::tokens_of(std::int32_t beam, std::int32_t count) const {
  std::vector<std::int32_t> found;
  for (std::int32_t step = 0; step < count; ++step) {
    const std::int32_t slot = ancestor(step, beam);
    found.push_back(slot < asked_.rules.width ? tokens_[place(step, slot)] : -1);
  }
  return found;
}

std::vector<std::int32_t> SearchMemory::traced(std::int32_t slot, std::int32_t count) const {
  std::vector<std::int32_t> found;
  for (std::int32_t step = count - 1; step >= 0 && slot < asked_.rules.width; --step) {
    found.insert(found.begin(), tokens_[place(step, slot)]);
    slot = parents_[place(step, slot)];
  }
  return found;
}

std::vector<float> SearchMemory::traced_logprobs(std::int32_t slot, std::int32_t count) const {
  std::vector<float> found;
  for (std::int32_t step = count - 1; step >= 0 && slot < asked_.rules.width; --step) {
    found.insert(found.begin(), logprobs_[place(step, slot)]);
    slot = parents_[place(step, slot)];
  }
  return found;
}

}  // namespace fllm::test
