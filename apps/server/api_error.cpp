// SPDX-License-Identifier: Apache-2.0
#include "apps/server/api_error.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

namespace fllm::server {

namespace {

std::string_view error_type(int status) {
  if (status == 401) return "authentication_error";
  if (status == 429) return "rate_limit_error";
  if (status == 408) return "timeout_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

}  // namespace

std::string ApiError::body() const {
  using OrderedJson = nlohmann::ordered_json;
  const auto text_or_null = [](const std::string& text) { return text.empty() ? OrderedJson() : OrderedJson(text); };
  const OrderedJson error{{"message", what()},
                          {"type", error_type(status_)},
                          {"param", text_or_null(param_)},
                          {"code", text_or_null(code_)}};
  return OrderedJson{{"error", error}}.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

HttpReply ApiError::reply() const {
  HttpReply reply;
  reply.status = status_;
  reply.body = body();
  if (status_ == 401) reply.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (status_ == 429 || status_ == 503) reply.headers.emplace_back("Retry-After", "1");
  return reply;
}

std::string renamed_field(std::string_view violation, std::string& field) {
  using Names = std::pair<std::string_view, std::string_view>;
  constexpr std::array kNames{Names{"num_samples", "n"},
                              Names{"num_return", "n"},
                              Names{"stop_strings", "stop"},
                              Names{"banned_text", "ban"},
                              Names{"banned_token_ids", "ban_token_ids"},
                              Names{"json_schema", "response_format"}};
  const std::size_t colon = violation.find(':');
  if (colon == std::string_view::npos) return std::string(violation);
  field = violation.substr(0, colon);
  for (const auto& [library, here] : kNames) {
    if (field == library) field = here;
  }
  return field + std::string(violation.substr(colon));
}

ApiError api_error(const Error& error) {
  std::string message, field;
  for (std::size_t start = 0; start <= error.message.size();) {
    const std::size_t end = std::min(error.message.find('\n', start), error.message.size());
    std::string name;
    const std::string line = renamed_field(std::string_view(error.message).substr(start, end - start), name);
    if (message.empty()) field = name;
    message += (message.empty() ? "" : "; ") + line;
    start = end + 1;
  }
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
      return {400, message, field};
    case ErrorCode::kContextOverflow:
      return {400, message, field, "context_length_exceeded"};
    case ErrorCode::kOutOfMemory:
      return {400, message, field, "out_of_memory"};
    case ErrorCode::kUnsupported:
      return {400, message, "", "unsupported"};
    case ErrorCode::kEmptySupport:
      return {400, message, "", "no_token_allowed"};
    default:
      return {500, message};
  }
}

}  // namespace fllm::server
