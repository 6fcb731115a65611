// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>

namespace fllm::cli {

/// A bar on stderr: requests done, tokens per second, time left (from the share of the input's bytes that is done).
/// Does nothing when not enabled.
class Progress {
 public:
  struct State {
    std::int64_t requests = 0;
    std::int64_t tokens = 0;
    double bytes = 0;  // of the input: of requests that are done, and a share of those that are under way
  };

  /// total_bytes = 0: the input has no known end, so there is no bar and no time left.
  Progress(bool enabled, std::int64_t total_bytes) : enabled_(enabled), total_bytes_(total_bytes) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { clear(); }

  /// Whether it is time to draw: at most ten times a second.
  [[nodiscard]] bool is_due() const;
  void draw(const State& state);
  /// Takes the bar off the screen, so that other output stands alone.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  bool enabled_;
  std::int64_t total_bytes_;
  bool drawn_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_drawn_ = Clock::time_point::min();
};

}  // namespace fllm::cli
