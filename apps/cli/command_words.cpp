// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/command_words.h"

#include <algorithm>
#include <string_view>

#include "apps/cli/settings.h"

namespace fllm::cli {

namespace {

constexpr char kGuard = '\x01';

/// The setting of "--top-k" or "--top-k=5"; null when it is none.
const Setting* option_of(std::string_view word) {
  if (!word.starts_with("--")) return nullptr;
  const std::string_view name = word.substr(2, word.find('=') - 2);
  const Setting* setting = find_setting(name);
  return setting != nullptr && setting->name == name ? setting : nullptr;
}

bool is_option(std::string_view word) {
  if (option_of(word) != nullptr) return true;
  if (!word.starts_with("--no-")) return false;
  const Setting* negated = find_setting(word.substr(5));
  return negated != nullptr && is_flag(*negated);
}

bool takes_text(const Setting& setting) {
  return std::holds_alternative<std::optional<std::string> Settings::*>(setting.field) ||
         std::holds_alternative<std::optional<std::vector<std::string>> Settings::*>(setting.field);
}

/// For an option at i without its value.
std::string missing_value(const std::vector<std::string>& typed, std::size_t i, const Setting& setting) {
  std::string text = typed[i] + ": no value: " + std::string(setting.value_name) + " is needed";
  if (takes_text(setting) && i + 1 < typed.size()) {
    text += " (for the text " + typed[i + 1] + " type " + typed[i] + "=" + typed[i + 1] + ")";
  }
  return text;
}

std::string guarded(std::string word) {
  word.insert(word.begin(), kGuard);
  return word;
}

}  // namespace

CommandWords command_words(const std::vector<std::string>& typed) {
  CommandWords out;
  for (std::size_t i = 0; i < typed.size(); ++i) {
    const std::string& word = typed[i];
    if (word == "--") {
      out.operands.assign(typed.begin() + static_cast<std::ptrdiff_t>(i) + 1, typed.end());
      break;
    }
    const std::size_t equals = std::min(word.find('='), word.size());
    const Setting* setting = option_of(word);
    if (setting == nullptr || is_flag(*setting)) {
      out.words.push_back(word.starts_with('[') ? guarded(word) : word);
    } else if (equals < word.size()) {
      out.words.push_back(word.substr(0, equals));
      out.words.push_back(guarded(word.substr(equals + 1)));
    } else if (!setting->implied.empty()) {
      out.words.push_back(word);
    } else if (i + 1 == typed.size() || is_option(typed[i + 1]) || typed[i + 1] == "--") {
      out.violations.push_back(missing_value(typed, i, *setting));
    } else {
      out.words.push_back(word);
      out.words.push_back(guarded(typed[++i]));
    }
  }
  return out;
}

std::string unguarded(std::string word) {
  if (word.starts_with(kGuard)) word.erase(word.begin());
  return word;
}

}  // namespace fllm::cli
