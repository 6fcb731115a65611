// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/settings_json.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "apps/cli/text.h"
#include "apps/json/shown_value.h"

namespace fllm::cli {

namespace {

using Json = nlohmann::json;

class JsonAssignment {
 public:
  JsonAssignment(Settings& settings, const Setting& setting, std::vector<std::string>& violations)
      : settings_(settings), setting_(setting), violations_(violations) {}

  void operator()(std::optional<bool> Settings::*member, const Json& value) {
    if (!value.is_boolean()) return refuse(value, "true or false");
    settings_.*member = value.get<bool>();
  }
  void operator()(std::optional<std::int32_t> Settings::*member, const Json& value) {
    if (value.is_boolean() && !setting_.implied.empty()) {
      const std::string word = value.get<bool>() ? std::string(setting_.implied) : "0";
      assign_text(settings_, setting_, {word}, std::string(setting_.name), violations_);
    } else if (!setting_.zero.empty() && value == std::string(setting_.zero)) {
      settings_.*member = 0;
    } else if (std::int32_t number = 0; read_int(value, number)) {
      settings_.*member = number;
    }
  }
  void operator()(std::optional<std::uint64_t> Settings::*member, const Json& value) {
    if (!value.is_number_unsigned()) return refuse(value, "a whole number, 0 to 2^64-1");
    settings_.*member = value.get<std::uint64_t>();
  }
  void operator()(std::optional<float> Settings::*member, const Json& value) {
    if (float number = 0; read_float(value, number)) settings_.*member = number;
  }
  void operator()(std::optional<std::string> Settings::*member, const Json& value) {
    if (value.is_boolean() && !setting_.implied.empty()) {
      (settings_.*member).reset();
      if (value.get<bool>()) settings_.*member = std::string(setting_.implied);
    } else if (!value.is_string()) {
      refuse(value, "a string");
    } else {
      assign_text(settings_, setting_, {value.get<std::string>()}, std::string(setting_.name), violations_);
    }
  }
  void operator()(std::optional<std::vector<std::string>> Settings::*member, const Json& value) {
    read_list<std::string>(settings_.*member, value, [this](const Json& item, std::string& out) {
      if (!item.is_string()) return refuse(item, "a string or an array of strings"), false;
      return out = item.get<std::string>(), true;
    });
  }
  void operator()(std::optional<std::vector<TokenId>> Settings::*member, const Json& value) {
    read_list<TokenId>(settings_.*member, value,
                       [this](const Json& item, TokenId& out) { return read_int(item, out); });
  }
  void operator()(std::optional<std::vector<LogitBias>> Settings::*member, const Json& value) {
    if (!value.is_object()) {
      std::vector<std::string> words;
      for (const Json& item : value.is_array() ? value : Json::array({value})) {
        if (!item.is_string()) return refuse(item, "an object {\"ID\": X} or strings \"ID=X\"");
        words.push_back(item.get<std::string>());
      }
      return assign_text(settings_, setting_, words, std::string(setting_.name), violations_);
    }
    std::vector<LogitBias> biases;
    for (const auto& [key, item] : value.items()) {
      Settings one;
      std::vector<std::string> of_key;
      float bias = 0;
      assign_text(one, setting_, {key + "=0"}, "", of_key);
      if (!of_key.empty()) {
        violations_.push_back(std::string(setting_.name) + ": " + in_quotes(key) + ": a token id is allowed as a key");
      } else if (read_float(item, bias)) {
        biases.push_back({one.logit_bias->front().id, bias});
      }
    }
    settings_.*member = std::move(biases);
  }

 private:
  void refuse(const Json& value, const std::string& allowed) {
    violations_.push_back(apps::not_allowed(setting_.name, value, allowed));
  }

  bool read_int(const Json& value, std::int32_t& out) {
    constexpr auto kMax = std::numeric_limits<std::int32_t>::max();
    constexpr auto kMin = std::numeric_limits<std::int32_t>::min();
    const bool fits = value.is_number_unsigned() ? value.get<std::uint64_t>() <= static_cast<std::uint64_t>(kMax)
                                                 : value.is_number_integer() && value.get<std::int64_t>() >= kMin;
    if (!fits) return refuse(value, allowed_whole_number(setting_)), false;
    out = value.get<std::int32_t>();
    return true;
  }

  bool read_float(const Json& value, float& out) {
    if (!value.is_number() || !std::isfinite(static_cast<float>(value.get<double>()))) {
      return refuse(value, "a finite number"), false;
    }
    out = static_cast<float>(value.get<double>());
    return true;
  }

  template <class T, class Read>
  void read_list(std::optional<std::vector<T>>& field, const Json& value, Read read) {
    std::vector<T> items;
    bool good = true;
    const auto add = [&](const Json& item) {
      T out{};
      if (read(item, out)) {
        items.push_back(std::move(out));
      } else {
        good = false;
      }
    };
    if (value.is_array()) {
      for (const Json& item : value) add(item);
    } else {
      add(value);
    }
    if (good) field = std::move(items);
  }

  Settings& settings_;
  const Setting& setting_;
  std::vector<std::string>& violations_;
};

}  // namespace

void assign_json(Settings& settings, const Setting& setting, const nlohmann::json& value,
                 std::vector<std::string>& violations) {
  JsonAssignment assignment(settings, setting, violations);
  std::visit([&](auto member) { assignment(member, value); }, setting.field);
}

}  // namespace fllm::cli
