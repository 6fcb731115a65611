// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "apps/server/http.h"

namespace fllm::server {

/// HTTP/1.1 over cpp-httplib: a thread for each connection, which takes one request after another. Whatever a client sends,
/// memory stays within the limits. The handler must outlive it.
class HttpServer {
 public:
  struct Limits {
    std::int64_t body_bytes = 0;   // decoded
    std::int32_t connections = 0;  // answered at once; the next ones get 429
  };
  HttpServer(HttpHandler& handler, Limits limits);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer();

  /// Takes the address and answers from now on; the port. Exception(kIo) where the address cannot be had.
  int listen(const std::string& host, int port);
  /// Connections are accepted. False, too, where that failed for a reason that does not go away.
  [[nodiscard]] bool is_listening() const;
  /// Closes every connection, whatever is under way.
  void stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fllm::server
