// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace fllm::test {

/// A regular expression as a tree, which can be written as a pattern and matched by following every way through it.
struct RegexTree {
  enum class Kind : std::uint8_t { kCharacter, kClass, kAny, kConcat, kAlternate, kRepeat };
  Kind kind = Kind::kCharacter;
  char32_t character = 0;
  std::vector<std::pair<char32_t, char32_t>> ranges;
  bool inverted = false;
  int least = 0, most = 0;  // most < 0: without end
  std::vector<RegexTree> parts;
};

inline std::string utf8_of(char32_t c) {
  if (c < 0x80) return {static_cast<char>(c)};
  if (c < 0x800) return {static_cast<char>(0xC0 | (c >> 6)), static_cast<char>(0x80 | (c & 0x3F))};
  if (c < 0x10000) {
    return {static_cast<char>(0xE0 | (c >> 12)), static_cast<char>(0x80 | ((c >> 6) & 0x3F)),
            static_cast<char>(0x80 | (c & 0x3F))};
  }
  return {static_cast<char>(0xF0 | (c >> 18)), static_cast<char>(0x80 | ((c >> 12) & 0x3F)),
          static_cast<char>(0x80 | ((c >> 6) & 0x3F)), static_cast<char>(0x80 | (c & 0x3F))};
}

inline std::string pattern_of(const RegexTree& tree) {
  using Kind = RegexTree::Kind;
  std::string text;
  switch (tree.kind) {
    case Kind::kCharacter:
      return utf8_of(tree.character);
    case Kind::kAny:
      return ".";
    case Kind::kClass:
      text = tree.inverted ? "[^" : "[";
      for (const auto& [first, last] : tree.ranges) text += utf8_of(first) + (first == last ? "" : "-" + utf8_of(last));
      return text + "]";
    case Kind::kConcat:
      for (const RegexTree& part : tree.parts) text += "(?:" + pattern_of(part) + ")";
      return text;
    case Kind::kAlternate:
      for (const RegexTree& part : tree.parts) text += (text.empty() ? "" : "|") + pattern_of(part);
      return "(" + text + ")";
    case Kind::kRepeat:
      text = "(?:" + pattern_of(tree.parts[0]) + ")";
      if (tree.most < 0) return text + (tree.least == 0 ? "*" : "{" + std::to_string(tree.least) + ",}");
      return text + "{" + std::to_string(tree.least) + "," + std::to_string(tree.most) + "}";
  }
  return text;
}

/// Where a match that begins at one of `starts` may end.
inline std::set<std::size_t> ends_of(const RegexTree& tree, const std::u32string& text, std::set<std::size_t> starts) {
  using Kind = RegexTree::Kind;
  const auto step = [&](const auto& takes) {
    std::set<std::size_t> ends;
    for (const std::size_t at : starts) {
      if (at < text.size() && takes(text[at])) ends.insert(at + 1);
    }
    return ends;
  };
  switch (tree.kind) {
    case Kind::kCharacter:
      return step([&](char32_t c) { return c == tree.character; });
    case Kind::kAny:
      return step([](char32_t c) { return c != '\n' && c != '\r' && c != 0x2028 && c != 0x2029; });
    case Kind::kClass:
      return step([&](char32_t c) {
        bool in = false;
        for (const auto& [first, last] : tree.ranges) in = in || (first <= c && c <= last);
        return in != tree.inverted;
      });
    case Kind::kConcat:
      for (const RegexTree& part : tree.parts) starts = ends_of(part, text, std::move(starts));
      return starts;
    case Kind::kAlternate: {
      std::set<std::size_t> ends;
      for (const RegexTree& part : tree.parts) ends.merge(ends_of(part, text, starts));
      return ends;
    }
    case Kind::kRepeat: {
      for (int i = 0; i < tree.least; ++i) starts = ends_of(tree.parts[0], text, std::move(starts));
      std::set<std::size_t> all = starts;
      for (int i = tree.least; tree.most < 0 || i < tree.most; ++i) {
        starts = ends_of(tree.parts[0], text, std::move(starts));
        const std::size_t before = all.size();
        all.insert(starts.begin(), starts.end());
        if (all.size() == before) break;
      }
      return all;
    }
  }
  return {};
}

inline RegexTree random_tree(std::mt19937& random, const std::u32string& alphabet, int depth) {
  using Kind = RegexTree::Kind;
  RegexTree tree;
  const auto pick = [&] { return alphabet[random() % alphabet.size()]; };
  const unsigned kind = random() % (depth > 0 ? 8 : 4);
  if (kind < 2) {
    do tree.character = pick();
    while (tree.character == '\n');
  } else if (kind == 2) {
    tree.kind = Kind::kClass;
    tree.inverted = random() % 3 == 0;
    for (unsigned i = 0; i <= random() % 2; ++i) {
      char32_t a = pick(), b = pick();
      if (a > b) std::swap(a, b);
      tree.ranges.emplace_back(a, b);
    }
  } else if (kind == 3) {
    tree.kind = Kind::kAny;
  } else if (kind < 7) {
    tree.kind = kind < 6 ? Kind::kConcat : Kind::kAlternate;
    for (unsigned i = 0; i < 2 + random() % 2; ++i) tree.parts.push_back(random_tree(random, alphabet, depth - 1));
  } else {
    tree.kind = Kind::kRepeat;
    tree.least = static_cast<int>(random() % 3);
    tree.most = random() % 2 == 0 ? -1 : tree.least + static_cast<int>(random() % 3);
    tree.parts.push_back(random_tree(random, alphabet, depth - 1));
  }
  return tree;
}

}  // namespace fllm::test
