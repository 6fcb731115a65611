// SPDX-License-Identifier: Apache-2.0
#include "apps/server/connections.h"

#include <sys/socket.h>

namespace fllm::server {

bool Connections::add(int socket) {
  const std::lock_guard lock(mutex_);
  sockets_.insert(socket);
  if (shut_) ::shutdown(socket, SHUT_RDWR);
  return sockets_.size() <= limit_;
}

void Connections::remove(int socket) {
  const std::lock_guard lock(mutex_);
  sockets_.erase(socket);
}

void Connections::shut() {
  const std::lock_guard lock(mutex_);
  shut_ = true;
  for (const int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
}

}  // namespace fllm::server
