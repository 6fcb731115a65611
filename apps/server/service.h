// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "apps/server/admission.h"
#include "apps/server/api_error.h"
#include "apps/server/completion_request.h"
#include "apps/server/event_queue.h"
#include "apps/server/http.h"
#include "apps/server/options.h"
#include "apps/server/server_metrics.h"
#include "fundamentallm/generator.h"

namespace fllm::server {

/// The routes: what each request gets. Another thread steps the generator, which must outlive it.
class Service final : public HttpHandler {
 public:
  Service(Generator& generator, ServerOptions options);

  std::optional<HttpReply> answer_head(const HttpHead& head) override;
  HttpReply answer(const HttpHead& head, const std::string& body, std::function<bool()> connected) override;
  HttpReply refuse(int status) override;

  /// From now on new requests get 503.
  void drain() { admission_.drain(); }
  /// Requests whose responses are not written yet.
  [[nodiscard]] std::int32_t requests() const { return admission_.requests(); }
  /// No step will come any more: what waits for one ends with this error.
  void fail(const Error& error);

 private:
  struct Run;
  [[nodiscard]] bool is_authorized(const std::string& authorization) const;
  [[nodiscard]] HttpReply answer_get(std::string_view endpoint, const std::string& path) const;
  [[nodiscard]] std::string model_json() const;
  [[nodiscard]] ApiError no_such_model(std::string_view name) const;
  [[nodiscard]] std::string metrics_text() const;
  [[nodiscard]] CompletionRequest parse(Endpoint endpoint, const std::string& body);
  [[nodiscard]] HttpReply complete(Endpoint endpoint, const std::string& body, std::function<bool()> connected);
  void write_whole(Run& run, HttpReply& reply);
  void write_stream(Run& run, ByteSink& sink);
  bool write_happenings(Run& run, ByteSink& sink);
  static std::string begin_choice(Run& run, std::size_t choice);
  static std::string chunks_of(Run& run, const Happening& happening);
  [[nodiscard]] bool is_abandoned(const Run& run);
  void take(Run& run, const Happening& happening);
  void check_time(const Run& run);

  Generator* generator_;
  ServerOptions options_;
  RequestLimits limits_;
  Admission admission_;
  ServerMetrics metrics_;
  std::int64_t started_;  // seconds since 1970
  std::mutex parsing_;    // one body at a time: parsed JSON takes many times its length
  mutable std::mutex failing_;
  std::optional<Error> failure_;
};

}  // namespace fllm::server
