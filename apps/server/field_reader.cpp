// SPDX-License-Identifier: Apache-2.0
#include "apps/server/field_reader.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "apps/json/shown_value.h"
#include "apps/server/api_error.h"

namespace fllm::server {

namespace {

using Json = nlohmann::json;

template <class Integer>
bool parse_whole(std::string_view text, Integer& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

void FieldReader::refuse(const std::string& field, const std::string& message) {
  constexpr std::size_t kMaxMessages = 50;  // a long list may be wrong in every place
  if (messages_.empty()) first_field_ = field;
  if (messages_.size() >= kMaxMessages) return;
  std::string& shown = messages_.emplace_back();
  for (const char c : message) shown += c == '\0' ? std::string("\\x00") : std::string(1, c);  // which would end it
}

void FieldReader::refuse(const std::string& field, const Json& value, std::string_view allowed) {
  refuse(field, apps::not_allowed(field, value, allowed));
}

void FieldReader::check() const {
  if (messages_.empty()) return;
  std::string all;
  for (const std::string& message : messages_) all += (all.empty() ? "" : "; ") + message;
  throw ApiError(400, all, first_field_);
}

void FieldReader::read(const std::string& field, const Json& value, bool& out) {
  if (!value.is_boolean()) return refuse(field, value, "true or false");
  out = value.get<bool>();
}

void FieldReader::read(const std::string& field, const Json& value, std::int32_t& out) {
  constexpr auto kMax = std::numeric_limits<std::int32_t>::max();
  constexpr auto kMin = std::numeric_limits<std::int32_t>::min();
  const bool fits = value.is_number_unsigned() ? value.get<std::uint64_t>() <= static_cast<std::uint64_t>(kMax)
                                               : value.is_number_integer() && value.get<std::int64_t>() >= kMin;
  if (!fits) return refuse(field, value, "a whole number below 2^31");
  out = value.get<std::int32_t>();
}

void FieldReader::read(const std::string& field, const Json& value, std::optional<std::int32_t>& out) {
  read(field, value, out.emplace());
}

void FieldReader::read(const std::string& field, const Json& value, std::optional<bool>& out) {
  read(field, value, out.emplace());
}

void FieldReader::read(const std::string& field, const Json& value, std::optional<float>& out) {
  read(field, value, out.emplace());
}

void FieldReader::read(const std::string& field, const Json& value, float& out) {
  if (!value.is_number() || !std::isfinite(static_cast<float>(value.get<double>()))) {
    return refuse(field, value, "a finite number");
  }
  out = static_cast<float>(value.get<double>());
}

void FieldReader::read(const std::string& field, const Json& value, std::string& out) {
  if (!value.is_string()) return refuse(field, value, "a string");
  out = value.get<std::string>();
}

void FieldReader::read(const std::string& field, const Json& value, std::optional<std::uint64_t>& out) {
  if (!value.is_number_integer()) return refuse(field, value, "a whole number, -2^63 to 2^64-1,");
  out = value.is_number_unsigned() ? value.get<std::uint64_t>() : static_cast<std::uint64_t>(value.get<std::int64_t>());
}

void FieldReader::read(const std::string& field, const Json& value, std::vector<std::string>& out) {
  out.clear();
  if (value.is_string()) {
    out.push_back(value.get<std::string>());
  } else if (!value.is_array()) {
    refuse(field, value, "a string or a list of strings");
  } else {
    for (const Json& item : value) read(field, item, out.emplace_back());
  }
}

void FieldReader::read(const std::string& field, const Json& value, std::vector<TokenId>& out) {
  if (!value.is_array()) return refuse(field, value, "a list of token ids");
  out.clear();
  out.reserve(value.size());
  for (const Json& item : value) read(field, item, out.emplace_back());
}

void FieldReader::read(const std::string& field, const Json& value, std::vector<LogitBias>& out) {
  if (!value.is_object()) return refuse(field, value, "an object {\"token id\": number}");
  out.clear();
  for (const auto& [key, item] : value.items()) {
    LogitBias& bias = out.emplace_back();
    if (!parse_whole(key, bias.id)) refuse(field, Json(key), "a token id as a key");
    read(field, item, bias.bias);
  }
}

}  // namespace fllm::server
