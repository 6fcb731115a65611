// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <cmath>
#include <system_error>
#include <type_traits>

#include "apps/cli/settings.h"
#include "apps/cli/text.h"

namespace fllm::cli {

namespace {

/// A whole word as a number; false when it is none, is out of range, or not finite.
template <class T>
bool parse_number(std::string_view word, T& out) {
  if (!word.empty() && word.front() == '+') word.remove_prefix(1);
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), out);
  if (error != std::errc{} || end != word.data() + word.size()) return false;
  if constexpr (std::is_floating_point_v<T>) return std::isfinite(out);
  return true;
}

template <class T>
constexpr std::string_view kAllowed = "";
template <>
constexpr std::string_view kAllowed<bool> = "on or off";
template <>
constexpr std::string_view kAllowed<std::uint64_t> = "a whole number, 0 to 2^64-1";
template <>
constexpr std::string_view kAllowed<float> = "a finite number";
template <>
constexpr std::string_view kAllowed<LogitBias> = "ID=X with a token id and a finite number";

template <class T>
requires std::is_arithmetic_v<T>
bool parse_word(const std::string& word, T& out) {
  if constexpr (std::is_same_v<T, bool>) {
    if (word != "true" && word != "on" && word != "1" && word != "false" && word != "off" && word != "0") return false;
    out = word == "true" || word == "on" || word == "1";
    return true;
  } else {
    return parse_number(word, out);
  }
}

bool parse_word(const std::string& word, std::string& out) {
  out = word;
  return true;
}

bool parse_word(const std::string& word, LogitBias& out) {
  const std::size_t equals = word.find('=');
  return equals != std::string::npos && parse_number(std::string_view(word).substr(0, equals), out.id) &&
         parse_number(std::string_view(word).substr(equals + 1), out.bias);
}

/// The words of one setting, on their way to a field.
class TextAssignment {
 public:
  TextAssignment(const Setting& setting, const std::vector<std::string>& words, const std::string& label,
                 std::vector<std::string>& violations)
      : setting_(setting), words_(words), label_(label), violations_(violations) {}

  template <class T>
  bool assign(std::optional<T>& field) {
    if (words_.size() != 1) refuse("given " + std::to_string(words_.size()) + " times: once is allowed");
    T value{};
    if (!read(words_.back(), value)) return false;
    field = std::move(value);  // also where it was given twice, so that no other rule takes it for missing
    return true;
  }

  template <class T>
  bool assign(std::optional<std::vector<T>>& field) {
    std::vector<T> values;
    bool good = true;
    for (const std::string& word : words_) good = read(word, values.emplace_back()) && good;
    if (good) field = std::move(values);
    return good;
  }

  void refuse(const std::string& what) { violations_.push_back(label_ + ": " + what); }

 private:
  template <class T>
  bool read(const std::string& word, T& value) {
    if constexpr (std::is_same_v<T, std::int32_t>) {
      if (!setting_.zero.empty() && word == setting_.zero) return value = 0, true;
    }
    if (parse_word(word, value)) return true;
    refuse(in_quotes(word) + ": " + allowed_of<T>() + " is allowed");
    return false;
  }

  template <class T>
  std::string allowed_of() const {
    if constexpr (std::is_same_v<T, std::int32_t>) return allowed_whole_number(setting_);
    return std::string(kAllowed<T>);
  }

  const Setting& setting_;
  const std::vector<std::string>& words_;
  const std::string& label_;
  std::vector<std::string>& violations_;
};

}  // namespace

std::string allowed_whole_number(const Setting& setting) {
  const std::string number = "a whole number below 2^31";
  return setting.zero.empty() ? number : std::string(setting.zero) + " or " + number;
}

void assign_text(Settings& settings, const Setting& setting, const std::vector<std::string>& words,
                 const std::string& label, std::vector<std::string>& violations) {
  TextAssignment assignment(setting, words, label, violations);
  std::visit(
      [&](auto member) {
        if (!assignment.assign(settings.*member)) return;
        if constexpr (std::is_same_v<decltype(member), std::optional<std::string> Settings::*>) {
          if (!is_choice(setting.choices, *(settings.*member))) {
            assignment.refuse(in_quotes(*(settings.*member)) + ": one of " + readable_choices(setting.choices) +
                              " is allowed");
            (settings.*member).reset();
          }
        }
      },
      setting.field);
}

}  // namespace fllm::cli
