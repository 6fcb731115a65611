// SPDX-License-Identifier: Apache-2.0
#include "host/engine/ring_reader.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "host/engine/device_wait.h"

namespace fllm {

RingReader::RingReader(Backend& backend, std::int32_t depth, std::int32_t rows, std::int32_t words)
    : backend_(&backend),
      words_(backend.allocate_visible(static_cast<std::size_t>(depth) * static_cast<std::size_t>(words) *
                                      sizeof(std::uint32_t))),
      finals_(backend.allocate_visible(static_cast<std::size_t>(rows) * sizeof(double))),
      sums_(backend, static_cast<std::size_t>(depth) * static_cast<std::size_t>(words)),
      downloaded_(static_cast<std::size_t>(words)),
      ring_{static_cast<std::uint32_t*>(words_->on_device()), static_cast<double*>(finals_->on_device()), sums_.data(),
            depth, words} {
  auto* all = static_cast<std::uint32_t*>(words_->on_host());
  std::fill_n(all, static_cast<std::size_t>(depth) * static_cast<std::size_t>(words), kEmptyWord);
}

void RingReader::take(std::int32_t slot, std::span<const std::int32_t> firsts, std::span<std::uint32_t> words) {
  auto* ring = static_cast<std::uint32_t*>(words_->on_host()) + std::int64_t{slot} * ring_.stride;
  std::ranges::fill(words, kEmptyWord);
  for (const std::int32_t first : firsts) {
    std::int32_t behind = 0;  // words of the row that are still to come
    for (auto i = static_cast<std::size_t>(first); behind >= 0; ++i, --behind) {
      words[i] = wait_for(ring[i]);
      std::atomic_ref(ring[i]).store(kEmptyWord, std::memory_order_relaxed);
      if (std::cmp_equal(i, first)) behind = words_behind(words[i]);
      if (finishes(words[i])) break;
    }
  }
}

std::uint32_t RingReader::wait_for(std::uint32_t& word) {
  const std::atomic_ref shared(word);
  std::uint32_t value = kEmptyWord;
  wait_for_device(*backend_, "a token", [&] {
    value = shared.load(std::memory_order_acquire);
    return value != kEmptyWord;
  });
  return value;
}

std::span<const double> RingReader::sums(std::int32_t slot) {
  backend_->download(downloaded_.data(), ring_.sums + std::int64_t{slot} * ring_.stride,
                     downloaded_.size() * sizeof(double));
  backend_->synchronize();
  return downloaded_;
}

}  // namespace fllm
