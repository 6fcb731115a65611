// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <mutex>
#include <set>
#include <vector>

namespace fllm::server {

/// The sockets that are open, so that all of them can be shut. One that rests between two requests makes room for a new one
/// where the limit is reached. Thread-safe.
class Connections {
 public:
  explicit Connections(std::size_t limit) : limit_(limit) {}

  /// False: there are more than the limit, and none rests.
  bool add(int socket);
  /// Before the socket is closed: its number may be another connection's at once.
  void remove(int socket);

  /// Between two requests.
  void rest(int socket);
  /// The next request is there; false: the connection has been shut meanwhile.
  bool resume(int socket);

  /// Ends reading and writing on all, those to come too.
  void shut();

 private:
  std::mutex mutex_;
  std::set<int> sockets_;
  std::vector<int> resting_;  // the longest first
  std::size_t limit_;
  bool shut_ = false;
};

}  // namespace fllm::server
