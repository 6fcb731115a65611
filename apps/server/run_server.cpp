// SPDX-License-Identifier: Apache-2.0
#include "apps/server/run_server.h"

#include <chrono>
#include <optional>
#include <thread>

#include "apps/server/http_server.h"
#include "apps/server/service.h"

namespace fllm::server {

namespace {

constexpr std::chrono::milliseconds kIdleTime{50};

std::string url_of(const std::string& host, int port) {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return "http://" + (is_ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

/// One step, or a short wait where there is nothing to do; the error that ends all steps.
std::optional<Error> advance_or_wait(Generator& generator) {
  if (!generator.wait_for_work(kIdleTime)) return std::nullopt;
  const Result<StepReport> report = generator.step();
  return report ? std::nullopt : std::optional(report.error());
}

}  // namespace

ServerEnd run_server(Generator& generator, const ServerOptions& options, const ServerHooks& hooks) {
  Service service(generator, options);
  HttpServer http(service, {options.max_body_bytes, options.max_connections});
  hooks.listening(url_of(options.host, http.listen(options.host, options.port)));

  std::optional<Error> failure;
  while (hooks.signal() == 0 && !failure) {
    failure = advance_or_wait(generator);
    if (!failure && !http.is_listening()) failure = Error{ErrorCode::kIo, "no connection can be accepted any more"};
  }
  const int first_signal = hooks.signal();
  service.drain();
  if (failure) service.fail(*failure);
  while (service.requests() > 0) {
    if (hooks.signal() != first_signal) return ServerEnd::kInterrupted;
    if (failure) {
      std::this_thread::sleep_for(kIdleTime);
    } else if ((failure = advance_or_wait(generator))) {
      service.fail(*failure);
    }
  }
  http.stop();
  if (failure) throw Exception(failure->code, failure->message);
  return ServerEnd::kDrained;
}

}  // namespace fllm::server
