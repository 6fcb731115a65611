// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace fllm::apps {

/// What a text is wrong about.
class JsonRefusal : public std::runtime_error {
 public:
  explicit JsonRefusal(const std::string& message, std::string key = {})
      : std::runtime_error(message), key_(std::move(key)) {}
  /// The key that the message is about, which does not name it; empty: the message says all.
  [[nodiscard]] const std::string& key() const { return key_; }

 private:
  std::string key_;
};

constexpr std::size_t kMaxJsonDepth = 72;          // a schema has 64 levels of its own
constexpr std::size_t kMaxJsonValues = 1'000'000;  // keys count too

struct JsonText {
  std::string_view text;
  std::string_view name;                            // for messages: "the body"
  std::string_view allowed;                         // what it must be: "an object"
  std::string (*canonical)(std::string) = nullptr;  // of the object's own keys: equal ones are one key
};

/// Parses a text from outside: an object within these limits, in which no object has a key twice (it would silently lose a
/// value). Errors: JsonRefusal.
[[nodiscard]] nlohmann::json parse_object(const JsonText& text);

}  // namespace fllm::apps
