// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace fllm::server {

/// The bytes of one connection, within limits of time and number: cpp-httplib itself reads lines of any length. Not for
/// several threads at once, but for is_connected.
class BoundedStream {
 public:
  using Clock = std::chrono::steady_clock;

  /// head_bytes: of a request, until end_head; body_bytes: after it, as they are sent. The socket stays the caller's.
  BoundedStream(int socket, std::int64_t head_bytes, std::int64_t body_bytes);

  /// What is there, up to size bytes, waiting for the first; 0: the end; -1: an error, a limit.
  std::int64_t read(char* out, std::size_t size);
  /// All of it, waiting as long as the client goes on reading. False: it does not, or is gone.
  bool write(std::string_view bytes) const;
  /// The client has not closed its end.
  [[nodiscard]] bool is_connected() const;

  /// The head has been read.
  void end_head();
  /// The request has been read to its end: waits for the beginning of the next one; false: none came within this time.
  bool next_request(std::chrono::seconds time);
  [[nodiscard]] int socket() const { return socket_; }

  /// Ends the connection so that the client gets what was written, even where it is still sending.
  void finish();

 private:
  bool fill();

  int socket_;
  std::int64_t head_bytes_, body_bytes_, left_;
  Clock::time_point deadline_;  // of reading the head, then the body
  std::vector<char> buffer_;
  std::size_t begin_ = 0, end_ = 0;
};

}  // namespace fllm::server
