// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/regex_parser.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "host/constraint/regex_scanner.h"

namespace fllm {
namespace {

constexpr int kMaxRegexDepth = 200;  // groups in groups

/// Recursive descent: alternatives, items, atoms.
class RegexParser {
 public:
  RegexParser(const RegexPattern& pattern, Expressions& expressions, const CharacterWriter& writer)
      : scanner_(pattern.text, pattern.name, expressions.budget()),
        expressions_(expressions),
        anchoring_(pattern.anchoring),
        writer_(writer) {}

  ExprId parse() {
    const ExprId whole = alternatives(0);
    if (!scanner_.at_end()) scanner_.refuse(scanner_.position(), "a ) without its (");
    return whole;
  }

 private:
  ExprId anything() { return expressions_.repeat(writer_.write(expressions_, CodePointSet::all()), 0, kUnbounded); }

  ExprId alternatives(int depth) {
    std::vector<ExprId> branches;
    do {
      branches.push_back(branch(depth));
    } while (scanner_.take("|"));
    return expressions_.alternate(std::move(branches));
  }

  ExprId branch(int depth) {
    const bool search = depth == 0 && anchoring_ == RegexAnchoring::kSearch;
    const bool any_case = depth == 0 && scanner_.take("(?i)^");
    const bool begun = any_case || (depth == 0 && scanner_.take("^"));
    any_case_ = any_case_ || any_case;
    std::vector<ExprId> items;
    if (search && !begun) items.push_back(anything());
    bool ended = false;
    while (!scanner_.at_end() && !scanner_.looks_at("|") && !scanner_.looks_at(")")) {
      const std::size_t start = scanner_.position();
      if (depth == 0 && scanner_.take("$")) {
        if (!scanner_.at_end() && !scanner_.looks_at("|")) {
          scanner_.refuse(start,
                          "$: allowed at the end of the expression or of one of its alternatives (\\$ is a dollar)");
        }
        ended = true;
        break;
      }
      items.push_back(quantified(atom(depth)));
    }
    if (search && !ended) items.push_back(anything());
    return expressions_.concat(std::move(items));
  }

  ExprId quantified(ExprId atom) {
    const std::size_t start = scanner_.position();
    std::int32_t least = 0, most = 0;
    if (scanner_.take("*")) {
      most = kUnbounded;
    } else if (scanner_.take("+")) {
      least = 1, most = kUnbounded;
    } else if (scanner_.take("?")) {
      most = 1;
    } else if (scanner_.take("{")) {
      least = most = scanner_.take_count();
      if (scanner_.take(",")) most = scanner_.looks_at("}") ? kUnbounded : scanner_.take_count();
      if (!scanner_.take("}")) scanner_.refuse(start, "{m}, {m,} or {m,n} is allowed (\\{ is a brace)");
      if (most != kUnbounded && least > most) scanner_.refuse(start, "{m,n}: m is more than n");
    } else {
      return atom;
    }
    if (scanner_.take("+")) scanner_.refuse(start, "possessive quantifiers are not supported");
    scanner_.take("?");  // lazy: the same texts
    if (scanner_.looks_at("*") || scanner_.looks_at("+") || scanner_.looks_at("?") || scanner_.looks_at("{")) {
      scanner_.refuse(scanner_.position(), "a quantifier of a quantifier: a group is needed");
    }
    return expressions_.repeat(atom, least, most);
  }

  ExprId atom(int depth) {
    const std::size_t start = scanner_.position();
    const char32_t c = scanner_.take_character("an item");
    switch (c) {
      case '(':
        return group(start, depth);
      case '[':
        return write(scanner_.take_class(start, any_case_));
      case '.':
        return write(CodePointSet({{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}).inverted());
      case '\\':
        return write(folded(scanner_.take_escape(start, false, any_case_)));
      case '^':
        scanner_.refuse(start,
                        "^: allowed at the beginning of the expression or of one of its alternatives (\\^ is a "
                        "caret)");
      case '$':
        scanner_.refuse(start,
                        "$: allowed at the end of the expression or of one of its alternatives (\\$ is a dollar)");
      case '*':
      case '+':
      case '?':
        scanner_.refuse(start, "a quantifier with nothing before it");
      case '{':
      case '}':
      case ']':
        scanner_.refuse(start, "a bracket of its own is written with a backslash");
      default:
        return write(folded(CodePointSet({{c, c}})));
    }
  }

  ExprId group(std::size_t start, int depth) {
    if (depth >= kMaxRegexDepth) {
      scanner_.refuse(start, "groups are nested deeper than " + std::to_string(kMaxRegexDepth) + ", the limit");
    }
    const bool outer_case = any_case_;
    if (scanner_.take("?")) {
      if (scanner_.take("i)")) {  // from here to the end of the group
        any_case_ = true;
        return expressions_.empty();
      }
      if (scanner_.take("i:")) {
        any_case_ = true;
      } else if (scanner_.looks_at("=") || scanner_.looks_at("!") || scanner_.looks_at("<=") ||
                 scanner_.looks_at("<!")) {
        scanner_.refuse(start, "look-around is not supported");
      } else if (scanner_.take("<") || scanner_.take("P<")) {
        while (scanner_.take_character(">") != '>') {
        }
      } else if (!scanner_.take(":")) {
        scanner_.refuse(start, "(?: of this kind is not supported: (?:, (?<name>, (?i) and (?i: are");
      }
    }
    const ExprId inner = alternatives(depth + 1);
    if (!scanner_.take(")")) scanner_.refuse(start, "a ( without its )");
    any_case_ = outer_case;
    return inner;
  }

  [[nodiscard]] CodePointSet folded(CodePointSet set) const { return scanner_.folded(std::move(set), any_case_); }
  ExprId write(const CodePointSet& set) {
    expressions_.budget().take_steps(4 * set.ranges().size());
    return writer_.write(expressions_, set);
  }

  RegexScanner scanner_;
  Expressions& expressions_;
  RegexAnchoring anchoring_;
  const CharacterWriter& writer_;
  bool any_case_ = false;
};

}  // namespace

ExprId parse_regex(const RegexPattern& pattern, Expressions& expressions, const CharacterWriter& writer) {
  return RegexParser(pattern, expressions, writer).parse();
}

}  // namespace fllm
