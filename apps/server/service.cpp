// SPDX-License-Identifier: Apache-2.0
#include "apps/server/service.h"

#include <chrono>
#include <exception>
#include <nlohmann/json.hpp>
#include <utility>

#include "apps/json/shown_value.h"
#include "apps/server/api_error.h"
#include "apps/server/routes.h"

// Which request gets what; completions are in completions.cpp.
namespace fllm::server {

namespace {

constexpr std::string_view kNoRoute = "other";

bool is_json(std::string_view content_type) {
  constexpr std::string_view kJson = "application/json";
  return content_type.starts_with(kJson) && (content_type.size() == kJson.size() || content_type[kJson.size()] == ';' ||
                                             content_type[kJson.size()] == ' ');
}

std::string_view endpoint_of(const HttpHead& head) {
  const Route* route = find_route(head.path);
  return route != nullptr ? route->path : kNoRoute;
}

}  // namespace

Service::Service(Generator& generator, ServerOptions options)
    : generator_(&generator),
      options_(std::move(options)),
      limits_{options_.max_tokens,  generator.info().context_length, generator.info().vocab_size, options_.max_samples,
              options_.speculation, options_.has_draft_model},
      admission_(options_.max_samples),
      started_(std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
                   .count()) {}

bool Service::is_authorized(const std::string& authorization) const {
  constexpr std::string_view kScheme = "Bearer ";
  if (options_.api_key.empty()) return true;
  return authorization.starts_with(kScheme) &&
         is_same_secret(std::string_view(authorization).substr(kScheme.size()), options_.api_key);
}

std::optional<HttpReply> Service::answer_head(const HttpHead& head) {
  const Route* route = find_route(head.path);
  const auto refused = [&](const ApiError& error) {
    metrics_.count_reply(endpoint_of(head), error.status());
    return error.reply();
  };
  if ((route == nullptr || !route->is_public) && !is_authorized(head.authorization)) {
    return refused({401, "an API key is needed: Authorization: Bearer KEY", "", "invalid_api_key"});
  }
  if (route == nullptr) return refused({404, "there is nothing at this path", "", "not_found"});
  if (head.method != route->method && !(head.method == "HEAD" && route->method == "GET")) {
    HttpReply reply = refused({405, "this path takes " + std::string(route->method), "", "method_not_allowed"});
    reply.headers.emplace_back("Allow", route->method);
    return reply;
  }
  try {
    if (route->method == "GET") {
      HttpReply reply = answer_get(route->path, head.path);
      metrics_.count_reply(route->path, reply.status);
      return reply;
    }
    if (!is_json(head.content_type)) {
      throw ApiError(415, "Content-Type: " + apps::shown_value(head.content_type) + ": application/json is needed");
    }
    if (!head.content_encoding.empty() && head.content_encoding != "identity") {
      throw ApiError(415, "Content-Encoding: " + apps::shown_value(head.content_encoding) +
                              ": a body that is not encoded is needed");
    }
    admission_.check(1);
  } catch (const ApiError& error) {
    return refused(error);
  } catch (const std::exception& error) {
    return refused({500, error.what()});
  }
  return std::nullopt;
}

HttpReply Service::answer(const HttpHead& head, const std::string& body, std::function<bool()> connected) {
  HttpReply reply;
  try {
    const Endpoint endpoint = head.path == kChatPath ? Endpoint::kChat : Endpoint::kCompletions;
    reply = complete(endpoint, body, std::move(connected));
  } catch (const ApiError& error) {
    reply = error.reply();
  } catch (const std::bad_alloc&) {
    reply = ApiError(500, "out of memory").reply();
  } catch (const std::exception& error) {
    reply = ApiError(500, error.what()).reply();
  }
  metrics_.count_reply(endpoint_of(head), reply.status);
  return reply;
}

HttpReply Service::refuse(int status) {
  metrics_.count_reply(kNoRoute, status);
  switch (status) {
    case 413:
      return ApiError(413, "the body is longer than " + std::to_string(options_.max_body_bytes) + " bytes, the limit")
          .reply();
    case 411:
      return ApiError(411, "Content-Length is needed").reply();
    case 414:
      return ApiError(414, "the path is too long").reply();
    case 429:
      return ApiError(429, "all of the server's connections are in use", "", "too_many_connections").reply();
    default:
      return ApiError(status, "this is no request that the server understands").reply();
  }
}

std::string Service::model_json() const {
  const nlohmann::ordered_json json{{"id", options_.model_name},
                                    {"object", "model"},
                                    {"created", started_},
                                    {"owned_by", "fundamentallm"},
                                    {"max_model_len", generator_->info().context_length}};
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

ApiError Service::no_such_model(std::string_view name) const {
  return {404, "model: " + apps::shown_value(name) + ": only " + apps::shown_value(options_.model_name) + " is here",
          "model", "model_not_found"};
}

std::string Service::metrics_text() const {
  return metrics_.text({generator_->metrics(), admission_.requests(), admission_.samples(), admission_.limit()});
}

HttpReply Service::answer_get(std::string_view endpoint, const std::string& path) const {
  HttpReply reply;
  if (endpoint == kHealthPath) {
    const std::lock_guard lock(failing_);
    const bool is_up = !failure_ && !admission_.draining();
    reply.status = is_up ? 200 : 503;
    reply.body = failure_ ? R"({"status":"failed"})" : is_up ? R"({"status":"ok"})" : R"({"status":"shutting_down"})";
  } else if (endpoint == kMetricsPath) {
    reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
    reply.body = metrics_text();
  } else if (endpoint == kModelsPath) {
    reply.body = R"({"object":"list","data":[)" + model_json() + "]}";
  } else if (path.substr(kModelsPath.size() + 1) == options_.model_name) {
    reply.body = model_json();
  } else {
    throw no_such_model(path.substr(kModelsPath.size() + 1));
  }
  return reply;
}

void Service::fail(const Error& error) {
  {
    const std::lock_guard lock(failing_);
    failure_ = error;
  }
  admission_.drain();
}

}  // namespace fllm::server
