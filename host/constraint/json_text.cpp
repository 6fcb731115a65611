// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/json_text.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "host/tokenizer/utf8.h"

namespace fllm {
namespace {

constexpr std::int32_t kMaxExponentDigits = 2;

CodePointSet digit_set(char first = '0', char last = '9') {
  return CodePointSet({{static_cast<char32_t>(first), static_cast<char32_t>(last)}});
}

/// What stands in a string as itself.
CodePointSet plain_characters() { return CodePointSet({{0, 0x1F}, {'"', '"'}, {'\\', '\\'}}).inverted(); }

constexpr std::array<std::pair<char, char>, 7> kShortEscapes{
    {{'"', '"'}, {'\\', '\\'}, {'b', '\b'}, {'f', '\f'}, {'n', '\n'}, {'r', '\r'}, {'t', '\t'}}};

/// The spelling of the characters that have no other one, or nothing.
std::string escape_of(char32_t value) {
  for (const auto& [letter, character] : kShortEscapes) {
    if (value == static_cast<char32_t>(character)) return std::string{'\\', letter};
  }
  constexpr std::string_view kHex = "0123456789abcdef";
  if (value < 0x20) return std::string("\\u00") + kHex[value >> 4] + kHex[value & 15];
  return {};
}

}  // namespace

ExprId JsonCharacterWriter::write(Expressions& expressions, const CodePointSet& set) const {
  std::vector<ExprId> ways{expressions.set(set.within(plain_characters()))};
  for (char32_t value = 0; value <= '\\'; ++value) {
    const std::string escape = escape_of(value);
    if (!escape.empty() && set.contains(value)) ways.push_back(expressions.bytes(escape));
  }
  return expressions.alternate(std::move(ways));
}

JsonText::JsonText(Expressions& expressions)
    : expressions_(expressions),
      blank_(expressions.optional(expressions.set(CodePointSet({{' ', ' '}, {'\n', '\n'}})))) {}

ExprId JsonText::literal(std::string_view text) { return expressions_.bytes(std::string(text)); }

ExprId JsonText::mark(char character) {
  return expressions_.concat({blank_, expressions_.bytes(std::string(1, character)), blank_});
}

ExprId JsonText::enclosed(char open, ExprId inner, char close) {
  return expressions_.concat(
      {expressions_.bytes(std::string(1, open)), blank_, inner, blank_, expressions_.bytes(std::string(1, close))});
}

ExprId JsonText::string(std::int32_t least, std::int32_t most) {
  Expressions& e = expressions_;
  const CodePointSet hex({{'0', '9'}, {'A', 'F'}, {'a', 'f'}});
  const ExprId any_hex = e.set(hex);
  // \uXXXX: a character, or two halves of one; half a character is none.
  const ExprId one = e.alternate({
      e.concat({e.set(hex.without(CodePointSet({{'D', 'D'}, {'d', 'd'}}))), e.repeat(any_hex, 3, 3)}),
      e.concat({e.set(CodePointSet({{'D', 'D'}, {'d', 'd'}})), e.set(digit_set('0', '7')), e.repeat(any_hex, 2, 2)}),
  });
  const ExprId d = e.set(CodePointSet({{'D', 'D'}, {'d', 'd'}}));
  const ExprId two =
      e.concat({d, e.set(CodePointSet({{'8', '9'}, {'A', 'B'}, {'a', 'b'}})), e.repeat(any_hex, 2, 2), e.bytes("\\u"),
                d, e.set(CodePointSet({{'C', 'F'}, {'c', 'f'}})), e.repeat(any_hex, 2, 2)});
  std::vector<CodePointRange> letters{{'/', '/'}};
  for (const auto& escape : kShortEscapes) {
    const auto letter = static_cast<char32_t>(escape.first);
    letters.push_back({letter, letter});
  }
  const ExprId character = e.alternate({
      e.set(plain_characters()),
      e.concat({e.bytes("\\"),
                e.alternate({e.set(CodePointSet(letters)), e.concat({e.bytes("u"), e.alternate({one, two})})})}),
  });
  return e.concat({e.bytes("\""), e.repeat(character, least, most), e.bytes("\"")});
}

ExprId JsonText::shortest_string(std::int32_t least, std::int32_t most) {
  const ExprId character = JsonCharacterWriter().write(expressions_, CodePointSet::all());
  const ExprId quote = expressions_.bytes("\"");
  return expressions_.concat({quote, expressions_.repeat(character, least, most), quote});
}

ExprId JsonText::string_of(std::string_view value) {
  std::string text = "\"";
  for (const char byte : value) {
    const auto code = static_cast<unsigned char>(byte);
    const std::string escape = code < 0x80 ? escape_of(code) : std::string();
    text += escape.empty() ? std::string(1, byte) : escape;
  }
  return expressions_.bytes(text + "\"");
}

ExprId JsonText::string_matching(const RegexPattern& pattern) {
  const ExprId inner = parse_regex(pattern, expressions_, JsonCharacterWriter());
  return expressions_.concat({expressions_.bytes("\""), inner, expressions_.bytes("\"")});
}

ExprId JsonText::string_other_than(const std::vector<std::string>& values) {
  std::vector<std::u32string> decoded;
  for (const std::string& value : values) {
    std::u32string& text = decoded.emplace_back();
    for (std::size_t at = 0; at < value.size();) {
      const std::optional<CodePoint> point = decode_code_point(value, at);  // a JSON parser left nothing else
      text += point->value;
      at += point->bytes;
    }
  }
  std::sort(decoded.begin(), decoded.end());
  decoded.erase(std::unique(decoded.begin(), decoded.end()), decoded.end());
  return expressions_.concat({expressions_.bytes("\""), other_than(decoded, 0), expressions_.bytes("\"")});
}

/// values: ascending, equal in their first `depth` characters, which were written.
ExprId JsonText::other_than(const std::vector<std::u32string>& values, std::size_t depth) {
  const JsonCharacterWriter writer;
  Expressions& e = expressions_;
  const ExprId rest = e.repeat(writer.write(e, CodePointSet::all()), 0, kUnbounded);
  std::vector<ExprId> ways;
  std::vector<CodePointRange> next;
  for (std::size_t first = 0; first < values.size();) {
    if (values[first].size() == depth) {
      ++first;
      continue;
    }
    const char32_t character = values[first][depth];
    std::vector<std::u32string> same;
    for (; first < values.size() && values[first][depth] == character; ++first) same.push_back(values[first]);
    next.push_back({character, character});
    ways.push_back(e.concat({writer.write(e, CodePointSet({next.back()})), other_than(same, depth + 1)}));
  }
  ways.push_back(e.concat({writer.write(e, CodePointSet(next).inverted()), rest}));
  const bool ends_here = !values.empty() && values.front().size() == depth;
  if (!ends_here) ways.push_back(e.empty());
  return e.alternate(std::move(ways));
}

ExprId JsonText::integer() {
  Expressions& e = expressions_;
  return e.concat({e.optional(e.bytes("-")),
                   e.alternate({e.bytes("0"),
                                e.concat({e.set(digit_set('1')), e.repeat(e.set(digit_set()), 0, kMaxDigits - 1)})})});
}

ExprId JsonText::digits_after_point() {
  return expressions_.concat(
      {expressions_.bytes("."), expressions_.repeat(expressions_.set(digit_set()), 1, kMaxDigits)});
}

ExprId JsonText::number() {
  Expressions& e = expressions_;
  const ExprId sign = e.optional(e.set(CodePointSet({{'+', '+'}, {'-', '-'}})));
  const ExprId exponent = e.concat(
      {e.set(CodePointSet({{'E', 'E'}, {'e', 'e'}})), sign, e.repeat(e.set(digit_set()), 1, kMaxExponentDigits)});
  return e.concat({integer(), e.optional(digits_after_point()), e.optional(exponent)});
}

ExprId JsonText::boolean() { return expressions_.alternate({literal("true"), literal("false")}); }

ExprId JsonText::value(std::int32_t depth) {
  const auto place = static_cast<std::size_t>(depth);
  if (values_.size() <= place) values_.resize(place + 1);
  if (!values_[place]) {
    std::vector<ExprId> kinds{string(0, kUnbounded), number(), boolean(), literal("null")};
    if (depth > 0) {
      kinds.push_back(array(depth - 1));
      kinds.push_back(object(depth - 1));
    }
    values_[place] = expressions_.alternate(std::move(kinds));
  }
  return *values_[place];
}

ExprId JsonText::list(ExprId part) {
  const ExprId none = expressions_.empty();
  return expressions_.graph(4, {{0, 1, none}, {1, 2, part}, {2, 1, mark(',')}, {2, 3, none}});
}

ExprId JsonText::array(std::int32_t item_depth) {
  Expressions& e = expressions_;
  return enclosed('[', e.optional(list(value(item_depth))), ']');
}

ExprId JsonText::object(std::int32_t value_depth) {
  Expressions& e = expressions_;
  const ExprId member = e.concat({string(0, kUnbounded), mark(':'), value(value_depth)});
  return enclosed('{', e.optional(list(member)), '}');
}

}  // namespace fllm
