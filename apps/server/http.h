// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fllm::server {

/// What stands before a request's body.
struct HttpHead {
  std::string method;
  std::string path;  // decoded, without the query
  std::string authorization, content_type, content_encoding;
};

/// Where a streamed body goes.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  /// Waits until it is on its way; false: the client is gone, or has not read for too long.
  virtual bool write(std::string_view bytes) = 0;
};

struct HttpReply {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::function<void(ByteSink&)> stream;  // instead of body: called once, writes all of it
  std::shared_ptr<void> held;             // let go when all is written
};

/// Answers requests; called from many threads at once. No function throws.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  /// Before the body is read: the answer, or none where the body is needed first.
  virtual std::optional<HttpReply> answer_head(const HttpHead& head) = 0;
  /// connected: whether the client still waits; valid during the call and while the reply is written.
  virtual HttpReply answer(const HttpHead& head, const std::string& body, std::function<bool()> connected) = 0;
  /// What the transport itself refuses: a request that is no HTTP (400), has no length
  /// (411), is too long (413, 414), or comes over one connection too many (429).
  virtual HttpReply refuse(int status) = 0;
};

}  // namespace fllm::server
