// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fundamentallm/options.h"

namespace fllm::server {

/// Reads values of exact types; what is wrong is collected as "field: value: what is allowed".
class FieldReader {
 public:
  void read(const std::string& field, const nlohmann::json& value, bool& out);
  void read(const std::string& field, const nlohmann::json& value, std::int32_t& out);
  void read(const std::string& field, const nlohmann::json& value, std::optional<std::int32_t>& out);
  void read(const std::string& field, const nlohmann::json& value, float& out);
  void read(const std::string& field, const nlohmann::json& value, std::optional<bool>& out);
  void read(const std::string& field, const nlohmann::json& value, std::optional<float>& out);
  void read(const std::string& field, const nlohmann::json& value, std::string& out);
  /// A seed: negative numbers stand for the same 64 bits.
  void read(const std::string& field, const nlohmann::json& value, std::optional<std::uint64_t>& out);
  /// One string, or a list of strings.
  void read(const std::string& field, const nlohmann::json& value, std::vector<std::string>& out);
  void read(const std::string& field, const nlohmann::json& value, std::vector<TokenId>& out);
  /// {"ID": X}.
  void read(const std::string& field, const nlohmann::json& value, std::vector<LogitBias>& out);

  void refuse(const std::string& field, const nlohmann::json& value, std::string_view allowed);
  void refuse(const std::string& field, const std::string& message);
  /// ApiError 400 with everything, when there is anything.
  void check() const;

 private:
  std::vector<std::string> messages_;
  std::string first_field_;
};

}  // namespace fllm::server
