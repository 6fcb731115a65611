// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/progress.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <string>

#include "apps/cli/text.h"

namespace fllm::cli {

namespace {

std::string readable_time(double seconds) {
  const auto whole = static_cast<long long>(seconds + 0.5);
  std::array<char, 48> text{};
  if (whole < 3600) {
    std::snprintf(text.data(), text.size(), "%lld:%02lld", whole / 60, whole % 60);
  } else {
    std::snprintf(text.data(), text.size(), "%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60, whole % 60);
  }
  return text.data();
}

}  // namespace

void Progress::update(const State& state) {
  constexpr std::chrono::milliseconds kInterval(100);
  const auto now = Clock::now();
  if (!enabled_ || (drawn_ && now - last_drawn_ < kInterval)) return;
  const double elapsed = std::chrono::duration<double>(now - start_).count();
  const double speed = elapsed > 0 ? static_cast<double>(state.tokens) / elapsed : 0;
  std::string line = "\r\x1b[K";
  if (total_bytes_ > 0) {
    constexpr int kBarWidth = 24;
    const double share = std::min(1.0, static_cast<double>(state.bytes) / static_cast<double>(total_bytes_));
    const auto filled = static_cast<std::size_t>(share * kBarWidth);
    line += '[';
    line.append(filled, '#').append(kBarWidth - filled, '.').append("] ");
    line += std::to_string(static_cast<int>(share * 100)) + "%  ";
    if (share > 0) line += readable_time(elapsed * (1 - share) / share) + " left  ";
  }
  line += grouped(state.requests) + " requests  " + grouped(static_cast<long long>(speed)) + " tokens/s";
  std::fwrite(line.data(), 1, line.size(), stderr);
  std::fflush(stderr);
  drawn_ = true;
  last_drawn_ = now;
}

void Progress::clear() {
  if (!drawn_) return;
  std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
  drawn_ = false;
}

}  // namespace fllm::cli
