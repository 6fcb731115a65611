// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <string>

#include "apps/cli/text.h"

namespace fllm::cli {

namespace {

std::string readable_time(double seconds) {
  const long long whole = std::llround(seconds);
  std::array<char, 48> text{};
  if (whole < 3600) {
    std::snprintf(text.data(), text.size(), "%lld:%02lld", whole / 60, whole % 60);
  } else {
    std::snprintf(text.data(), text.size(), "%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60, whole % 60);
  }
  return text.data();
}

/// Columns of the terminal at stderr, at least 2.
std::size_t terminal_width() {
  constexpr std::size_t kUsual = 80;
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kUsual;
  return std::max<std::size_t>(size.ws_col, 2);
}

}  // namespace

bool Progress::is_due() const {
  constexpr std::chrono::milliseconds kInterval(100);
  return enabled_ && (!drawn_ || Clock::now() - last_drawn_ >= kInterval);
}

void Progress::draw(const State& state) {
  if (!enabled_) return;
  const auto now = Clock::now();
  const double elapsed = std::chrono::duration<double>(now - start_).count();
  const double speed = elapsed > 0 ? static_cast<double>(state.tokens) / elapsed : 0;
  std::string line;
  if (total_bytes_ > 0) {
    constexpr int kBarWidth = 24;
    const double share = std::min(1.0, state.bytes / static_cast<double>(total_bytes_));
    const auto filled = static_cast<std::size_t>(share * kBarWidth);
    line += '[';
    line.append(filled, '#').append(kBarWidth - filled, '.').append("] ");
    line += std::to_string(static_cast<int>(share * 100)) + "%  ";
    if (share > 0) line += readable_time(elapsed * (1 - share) / share) + " left  ";
  }
  line += grouped(state.requests) + " requests  " + grouped(static_cast<long long>(speed)) + " tokens/s";
  line.resize(std::min(line.size(), terminal_width() - 1));  // a line that wraps could not be taken off again
  std::fprintf(stderr, "\r\x1b[K%s", line.c_str());
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
