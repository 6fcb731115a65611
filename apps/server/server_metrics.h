// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "fundamentallm/metrics.h"

namespace fllm::server {

/// How many values were at most each bound, and their sum.
template <std::size_t N>
class Histogram {
 public:
  explicit Histogram(const std::array<double, N>& bounds) : bounds_(bounds) {}
  void observe(double value) {
    for (std::size_t i = 0; i < N; ++i) counts_[i] += value <= bounds_[i] ? 1 : 0;
    sum_ += value;
    ++count_;
  }
  void append_to(std::string& text, std::string_view name, std::string_view help) const;

 private:
  std::array<double, N> bounds_;
  std::array<std::int64_t, N> counts_{};
  double sum_ = 0;
  std::int64_t count_ = 0;
};

/// Why a request ended before its text did.
enum class Abandoned : std::uint8_t { kDisconnected, kTimeout, kSlowClient };

/// What the server counts besides the engine. Thread-safe.
class ServerMetrics {
 public:
  void count_reply(std::string_view endpoint, int status);
  void count_abandoned(Abandoned why);
  /// Of a request whose text was completed.
  void observe_request(double seconds);
  void observe_first_token(double seconds);

  struct Now {
    Metrics engine;
    std::int32_t requests = 0, samples = 0, sample_limit = 0;
  };
  /// In Prometheus' text format, version 0.0.4.
  [[nodiscard]] std::string text(const Now& now) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, std::int64_t> replies_;
  std::array<std::int64_t, 3> abandoned_{};
  Histogram<12> first_token_{{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}};
  Histogram<13> request_{{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600}};
};

}  // namespace fllm::server
