// SPDX-License-Identifier: Apache-2.0
#include "apps/server/connections.h"

#include <sys/socket.h>

namespace fllm::server {

bool Connections::add(int socket) {
  const std::lock_guard lock(mutex_);
  if (sockets_.size() >= limit_ && !resting_.empty()) {
    ::shutdown(resting_.front(), SHUT_RDWR);
    sockets_.erase(resting_.front());
    resting_.erase(resting_.begin());
  }
  sockets_.insert(socket);
  if (shut_) ::shutdown(socket, SHUT_RDWR);
  return sockets_.size() <= limit_;
}

void Connections::remove(int socket) {
  const std::lock_guard lock(mutex_);
  sockets_.erase(socket);
  std::erase(resting_, socket);
}

void Connections::rest(int socket) {
  const std::lock_guard lock(mutex_);
  resting_.push_back(socket);
}

bool Connections::resume(int socket) {
  const std::lock_guard lock(mutex_);
  return std::erase(resting_, socket) > 0 && !shut_;
}

void Connections::shut() {
  const std::lock_guard lock(mutex_);
  shut_ = true;
  for (const int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
}

}  // namespace fllm::server
