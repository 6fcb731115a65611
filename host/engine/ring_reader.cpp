// SPDX-License-Identifier: Apache-2.0
#include "host/engine/ring_reader.h"

#include <algorithm>
#include <atomic>

#include "host/engine/device_wait.h"

namespace fllm {

RingReader::RingReader(Backend& backend, std::int32_t depth, std::int32_t rows)
    : backend_(&backend),
      words_(backend.allocate_visible(static_cast<std::size_t>(depth) * static_cast<std::size_t>(rows) *
                                      sizeof(std::uint32_t))),
      finals_(backend.allocate_visible(static_cast<std::size_t>(rows) * sizeof(double))),
      sums_(backend, static_cast<std::size_t>(depth) * static_cast<std::size_t>(rows)),
      downloaded_(static_cast<std::size_t>(rows)),
      ring_{static_cast<std::uint32_t*>(words_->on_device()), static_cast<double*>(finals_->on_device()), sums_.data(),
            depth, rows} {
  auto* words = static_cast<std::uint32_t*>(words_->on_host());
  std::fill_n(words, static_cast<std::size_t>(depth) * static_cast<std::size_t>(rows), kEmptyWord);
}

void RingReader::take(std::int32_t slot, std::span<std::uint32_t> words) {
  auto* ring = static_cast<std::uint32_t*>(words_->on_host()) + std::int64_t{slot} * ring_.stride;
  for (std::size_t i = 0; i < words.size(); ++i) {
    words[i] = wait_for(ring[i]);
    std::atomic_ref(ring[i]).store(kEmptyWord, std::memory_order_relaxed);
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
