// SPDX-License-Identifier: Apache-2.0
#include "host/engine/ring_reader.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "fundamentallm/result.h"

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

// Looks on for about a millisecond, then sleeps between looks: on a busy machine a turn given up may cost a whole slice, and a
// device whose steps take longer has some of them to go on with until the host is back.
std::uint32_t RingReader::wait_for(std::uint32_t& word) {
  constexpr int kLooks = 256;  // between two questions to the driver, which cost a microsecond each
  constexpr int kWakefulPolls = 500;
  constexpr std::chrono::microseconds kSleep{50};
  const std::atomic_ref shared(word);
  bool device_is_done = false;
  for (int polls = 0;; ++polls) {
    for (int look = 0; look < kLooks; ++look) {
      const std::uint32_t value = shared.load(std::memory_order_acquire);
      if (value != kEmptyWord) return value;
    }
    if (device_is_done) {
      throw Exception(ErrorCode::kInternal, "the device has ended its work without leaving a token");
    }
    if (polls >= kWakefulPolls) std::this_thread::sleep_for(kSleep);
    device_is_done = backend_->poll();
  }
}

std::span<const double> RingReader::sums(std::int32_t slot) {
  backend_->download(downloaded_.data(), ring_.sums + std::int64_t{slot} * ring_.stride,
                     downloaded_.size() * sizeof(double));
  backend_->synchronize();
  return downloaded_;
}

}  // namespace fllm
