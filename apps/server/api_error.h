// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>

#include "apps/server/http.h"
#include "fundamentallm/result.h"

namespace fllm::server {

/// An error as a client of OpenAI's interface expects it.
class ApiError : public std::runtime_error {
 public:
  /// param, code: empty where there is none.
  ApiError(int status, const std::string& message, std::string param = {}, std::string code = {})
      : std::runtime_error(message), status_(status), param_(std::move(param)), code_(std::move(code)) {}

  [[nodiscard]] int status() const { return status_; }
  /// {"error":{"message":…,"type":…,"param":…,"code":…}}
  [[nodiscard]] std::string body() const;
  [[nodiscard]] HttpReply reply() const;

 private:
  int status_;
  std::string param_, code_;
};

/// What the library refused, with the names of its fields as the interface has them.
[[nodiscard]] ApiError api_error(const Error& error);
/// The interface's name for the field at the start of "name: value: what is allowed", and the message with that name.
[[nodiscard]] std::string renamed_field(std::string_view violation, std::string& field);

}  // namespace fllm::server
