// SPDX-License-Identifier: Apache-2.0
#include "apps/server/bounded_stream.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace fllm::server {

namespace {

constexpr std::chrono::seconds kHeadTime{30}, kBodyTime{60};
constexpr std::chrono::seconds kWriteTime{30};  // without a byte taken
constexpr std::chrono::seconds kFinishTime{2};
constexpr std::size_t kBufferBytes = 16384;

/// Waits for events on a socket; false: the time is over, or it is no socket any more.
bool wait_for(int socket, short events, BoundedStream::Clock::time_point until) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - BoundedStream::Clock::now()).count();
    pollfd entry{socket, events, 0};
    const int ready = poll(&entry, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
    if (ready > 0) return (entry.revents & POLLNVAL) == 0;
    if (ready == 0 || errno != EINTR) return false;
  }
}

}  // namespace

BoundedStream::BoundedStream(int socket, std::int64_t head_bytes, std::int64_t body_bytes)
    : socket_(socket),
      head_bytes_(head_bytes),
      body_bytes_(body_bytes),
      left_(head_bytes),
      deadline_(Clock::now() + kHeadTime) {}

void BoundedStream::end_head() {
  left_ = body_bytes_;
  deadline_ = Clock::now() + kBodyTime;
}

bool BoundedStream::next_request(std::chrono::seconds time) {
  const bool is_there = begin_ != end_ || wait_for(socket_, POLLIN, Clock::now() + time);
  left_ = head_bytes_;
  deadline_ = Clock::now() + kHeadTime;
  return is_there;
}

bool BoundedStream::fill() {
  if (!wait_for(socket_, POLLIN, deadline_)) return false;
  buffer_.resize(kBufferBytes);
  const ssize_t count = recv(socket_, buffer_.data(), buffer_.size(), 0);
  begin_ = 0;
  end_ = static_cast<std::size_t>(std::max<ssize_t>(count, 0));
  return count >= 0;
}

std::int64_t BoundedStream::read(char* out, std::size_t size) {
  if (left_ <= 0) return -1;
  if (begin_ == end_ && !fill()) return -1;
  const std::size_t count = std::min({size, end_ - begin_, static_cast<std::size_t>(left_)});
  std::memcpy(out, buffer_.data() + begin_, count);
  begin_ += count;
  left_ -= static_cast<std::int64_t>(count);
  return static_cast<std::int64_t>(count);
}

bool BoundedStream::write(std::string_view bytes) const {
  while (!bytes.empty()) {
    if (!wait_for(socket_, POLLOUT, Clock::now() + kWriteTime)) return false;
    const ssize_t count = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno != EAGAIN && errno != EINTR) return false;
    bytes.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  }
  return true;
}

bool BoundedStream::is_connected() const {
  pollfd entry{socket_, POLLRDHUP, 0};
  return poll(&entry, 1, 0) <= 0 || (entry.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) == 0;
}

// Closing a socket with unread bytes resets the connection, and the client may lose the reply.
void BoundedStream::finish() {
  constexpr std::int64_t kMaxIgnored = std::int64_t{64} << 20;
  shutdown(socket_, SHUT_WR);
  const Clock::time_point until = Clock::now() + kFinishTime;
  buffer_.resize(kBufferBytes);
  for (std::int64_t ignored = 0; ignored < kMaxIgnored && wait_for(socket_, POLLIN, until);) {
    const ssize_t count = recv(socket_, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (count <= 0) break;
    ignored += count;
  }
}

}  // namespace fllm::server
