// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/regex_scanner.h"

#include <optional>
#include <utility>
#include <vector>

#include "fundamentallm/result.h"
#include "host/constraint/case_folding.h"
#include "host/constraint/unicode_property.h"
#include "host/tokenizer/utf8.h"
#include "host/util/quoted_text.h"

namespace fllm {
namespace {

CodePointSet one_character(char32_t value) { return CodePointSet({{value, value}}); }

CodePointSet digits() { return CodePointSet({{'0', '9'}}); }
CodePointSet word_characters() { return CodePointSet({{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}); }

/// White space and line terminators of ECMAScript.
CodePointSet white_space() {
  return CodePointSet({{'\t', '\r'},
                       {' ', ' '},
                       {0xA0, 0xA0},
                       {0x1680, 0x1680},
                       {0x2000, 0x200A},
                       {0x2028, 0x2029},
                       {0x202F, 0x202F},
                       {0x205F, 0x205F},
                       {0x3000, 0x3000},
                       {0xFEFF, 0xFEFF}});
}

std::string escape_name(char32_t letter) { return quoted_text(std::string("\\").append(encode_code_point(letter))); }

}  // namespace

RegexScanner::RegexScanner(std::string_view pattern, std::string_view name, CompileBudget& budget)
    : pattern_(pattern), name_(name), budget_(budget) {
  for (std::size_t at = 0; at < pattern.size();) {
    const std::optional<CodePoint> point = decode_code_point(pattern, at);
    if (!point) refuse(at, "not valid UTF-8: UTF-8 text is allowed");
    at += point->bytes;
  }
}

void RegexScanner::refuse(std::size_t position, const std::string& what) const {
  throw Exception(ErrorCode::kInvalidArgument, std::string(name_) + ": " + quoted_text(pattern_) + ": position " +
                                                   std::to_string(position) + ": " + what);
}

bool RegexScanner::take(std::string_view text) {
  if (!looks_at(text)) return false;
  at_ += text.size();
  return true;
}

char32_t RegexScanner::take_character(const char* missing) {
  if (at_end()) refuse(at_, std::string("the end: ") + missing + " is missing");
  const std::optional<CodePoint> point = decode_code_point(pattern_, at_);  // checked at the start
  at_ += point->bytes;
  return point->value;
}

std::int32_t RegexScanner::take_count() {
  const std::size_t start = at_;
  std::int32_t value = 0;
  while (!at_end() && pattern_[at_] >= '0' && pattern_[at_] <= '9') {
    value = value * 10 + (pattern_[at_++] - '0');
    if (value > kMaxRepeats) {
      refuse(start, "a count of repetitions: at most " + std::to_string(kMaxRepeats) + " is allowed");
    }
  }
  if (at_ == start) refuse(start, "a count of repetitions is missing: {m}, {m,} or {m,n} is allowed (\\{ is a brace)");
  return value;
}

char32_t RegexScanner::take_hex(std::size_t start, std::size_t digit_count) {
  char32_t value = 0;
  for (std::size_t i = 0; i < digit_count; ++i) {
    const char32_t c = take_character("a hexadecimal digit");
    if (c >= '0' && c <= '9') {
      value = value * 16 + (c - '0');
    } else if ((c | 0x20u) >= 'a' && (c | 0x20u) <= 'f') {
      value = value * 16 + ((c | 0x20u) - 'a' + 10);
    } else {
      refuse(start, "an escape with " + std::to_string(digit_count) + " hexadecimal digits is allowed");
    }
  }
  return value;
}

CodePointSet RegexScanner::take_escape(std::size_t start, bool in_class, bool any_case) {
  const char32_t letter = take_character("what is escaped");
  switch (letter) {
    case 'd':
      return digits();
    case 'D':
      return digits().inverted();
    case 'w':
      return any_case ? word_characters().any_case() : word_characters();
    case 'W':
      return (any_case ? word_characters().any_case() : word_characters()).inverted();
    case 's':
      return white_space();
    case 'S':
      return white_space().inverted();
    case 'n':
      return one_character('\n');
    case 'r':
      return one_character('\r');
    case 't':
      return one_character('\t');
    case 'f':
      return one_character('\f');
    case 'v':
      return one_character('\v');
    case 'x':
      return one_character(take_hex(start, 2));
    case '0':
      if (!at_end() && pattern_[at_] >= '0' && pattern_[at_] <= '9') refuse(start, "octal escapes are not supported");
      return one_character(0);
    case 'b':
      if (in_class) return one_character('\b');
      [[fallthrough]];
    case 'B':
      refuse(start, escape_name(letter) + ": word boundaries are not supported");
    case 'p':
    case 'P':
      return take_property(start, letter == 'P');
    case 'k':
      refuse(start, escape_name(letter) + ": back-references are not supported");
    default:
      break;
  }
  if (letter == 'u') {
    char32_t value = 0;
    if (take("{")) {
      std::size_t digit_count = 0;
      while (!take("}")) {
        value = value * 16 + take_hex(start, 1);
        if (++digit_count > 6) refuse(start, "a code point of at most 6 hexadecimal digits is allowed");
      }
      if (digit_count == 0) refuse(start, "a code point is missing");
    } else {
      value = take_hex(start, 4);
      if (value >= 0xD800 && value < 0xDC00 && take("\\u")) {
        const char32_t low = take_hex(start, 4);
        if (low < 0xDC00 || low > 0xDFFF) refuse(start, "a surrogate without its other half");
        value = 0x10000 + ((value - 0xD800) << 10) + (low - 0xDC00);
      }
    }
    if (value > kMaxCodePoint || (value >= 0xD800 && value <= 0xDFFF)) refuse(start, "not a character of Unicode");
    return one_character(value);
  }
  if (letter >= '1' && letter <= '9') refuse(start, escape_name(letter) + ": back-references are not supported");
  const bool is_letter = (letter | 0x20u) >= 'a' && (letter | 0x20u) <= 'z';
  if (is_letter || letter == '0') refuse(start, escape_name(letter) + ": unknown escape");
  return one_character(letter);
}

CodePointSet RegexScanner::take_property(std::size_t start, bool inverted) {
  constexpr std::size_t kMaxName = 64, kTableSteps = 4000;  // a search through a table of Unicode
  constexpr const char* kAllowed =
      "a general category (\\p{L}), a script (\\p{Script=Greek}), Any, ASCII and Assigned are allowed";
  if (!take("{")) refuse(start, std::string("\\p without its {: ") + kAllowed);
  const std::size_t name_start = at_, end = pattern_.find('}', at_);
  if (end == std::string_view::npos) refuse(start, "\\p{ without its }");
  const std::string_view name = pattern_.substr(name_start, end - name_start);
  budget_.take_steps(kTableSteps);
  std::optional<CodePointSet> set = name.size() <= kMaxName ? unicode_property(name) : std::nullopt;
  if (!set) {
    refuse(start, quoted_text(std::string("\\p{").append(name.substr(0, kMaxName)) + "}") +
                      ": the property is not supported: " + kAllowed);
  }
  at_ = end + 1;
  return inverted ? set->inverted() : *std::move(set);
}

CodePointSet RegexScanner::folded(CodePointSet set, bool any_case) const {
  if (!any_case) return set;
  budget_.take_steps(set.ranges().size() * case_folding().size() / 8);
  return set.any_case();
}

CodePointSet RegexScanner::take_class_item(bool& is_single, bool any_case) {
  const std::size_t start = at_;
  const char32_t value = take_character("]");
  if (value == '[' && (looks_at(":") || looks_at("=") || looks_at("."))) {
    refuse(start, "named classes are not supported (\\[ is a bracket)");
  }
  if (value != '\\') return is_single = true, one_character(value);
  const bool is_property = looks_at("p") || looks_at("P");
  CodePointSet set = take_escape(start, true, any_case);
  is_single = !is_property && set.ranges().size() == 1 && set.ranges().front().first == set.ranges().front().last;
  return set;
}

CodePointSet RegexScanner::take_class(std::size_t start, bool any_case) {
  const bool inverted = take("^");
  std::vector<CodePointRange> ranges;
  while (!take("]")) {
    if (at_end()) refuse(start, "a class without its ]");
    const std::size_t item = at_;
    bool single = false;
    const CodePointSet low = take_class_item(single, any_case);
    budget_.take_steps(4 * low.ranges().size());
    if (!looks_at("-") || looks_at("-]")) {
      ranges.insert(ranges.end(), low.ranges().begin(), low.ranges().end());
      continue;
    }
    take("-");
    bool high_single = false;
    const CodePointSet high = take_class_item(high_single, any_case);
    if (!single || !high_single) refuse(item, "a range between two characters is allowed");
    const CodePointRange range{low.ranges().front().first, high.ranges().front().first};
    if (range.first > range.last) refuse(item, "a range whose end comes before its beginning");
    ranges.push_back(range);
  }
  const CodePointSet set = folded(CodePointSet(ranges), any_case);
  return inverted ? set.inverted() : set;
}

}  // namespace fllm
