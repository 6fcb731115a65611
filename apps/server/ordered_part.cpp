// SPDX-License-Identifier: Apache-2.0
#include "apps/server/ordered_part.h"

#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>

namespace fllm::server {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

/// Walks over JSON that a parser has found valid.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  /// Of the object that comes next; there must be such a key.
  std::string_view value_of(const std::string& key) {
    at_ = text_.find('{', at_) + 1;  // a mark of the byte order may stand before the whole text
    while (true) {
      const bool found = nlohmann::json::parse(value()) == key;
      take();  // :
      const std::string_view its_value = value();
      if (found) return its_value;
      take();  // , behind which is the next key
    }
  }

 private:
  char take() {
    skip_blanks();
    return text_[at_++];
  }
  void skip_blanks() { at_ = std::min(text_.find_first_not_of(kBlanks, at_), text_.size()); }

  std::string_view value() {
    skip_blanks();
    const std::size_t begin = at_;
    std::size_t open = 0;
    do {
      const char first = text_[at_];
      if (first == '"') {
        skip_string();
      } else {
        open += first == '{' || first == '[' ? 1 : 0;
        open -= first == '}' || first == ']' ? 1 : 0;
        ++at_;
      }
    } while (open > 0);
    const char first = text_[begin];
    if (first != '"' && first != '{' && first != '[')
      at_ = text_.find_first_of(",]} \t\r\n", at_);  // a number or a word
    return text_.substr(begin, at_ - begin);
  }

  void skip_string() {
    for (++at_; text_[at_] != '"'; ++at_) at_ += text_[at_] == '\\' ? 1 : 0;
    ++at_;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::string ordered_part(std::string_view text, const std::vector<std::string>& path) {
  for (const std::string& key : path) text = Scanner(text).value_of(key);
  return std::string(text);
}

}  // namespace fllm::server
