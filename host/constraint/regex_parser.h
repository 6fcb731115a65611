// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "host/constraint/expression.h"

namespace fllm {

constexpr std::size_t kMaxRegexBytes = 65536;

/// What an expression without ^ and $ says of the text around its match.
enum class RegexAnchoring : std::uint8_t {
  kWhole,   ///< there is none: the text is the match
  kSearch,  ///< any, as in a JSON Schema pattern
};

struct RegexPattern {
  std::string text;
  RegexAnchoring anchoring = RegexAnchoring::kWhole;
  std::string name;  ///< in messages
};

/// How a set of characters is written in the text: as itself, or as in a JSON string.
class CharacterWriter {
 public:
  CharacterWriter() = default;
  CharacterWriter(const CharacterWriter&) = delete;
  CharacterWriter& operator=(const CharacterWriter&) = delete;
  virtual ~CharacterWriter() = default;
  [[nodiscard]] virtual ExprId write(Expressions& expressions, const CodePointSet& set) const {
    return expressions.set(set);
  }
};

/// A regular expression as in ECMAScript with the flag u, over code points: . [] [^] | () (?:) (?<name>) (?i) (?i:) * + ?
/// {m} {m,} {m,n}, the lazy forms (which match the same texts), \d \w \s \D \W \S \p{} \P{} (general categories and scripts)
/// \n \r \t \f \v \0 \xHH \uHHHH \u{H}, and ^ and $ at the ends of an alternative of the whole expression. \d and \w are ASCII.
/// Exception(kInvalidArgument) names what is wrong or not supported (look-around, back-references, word boundaries,
/// other properties, possessive quantifiers) and its position in bytes from 0, or a limit.
[[nodiscard]] ExprId parse_regex(const RegexPattern& pattern, Expressions& expressions, const CharacterWriter& writer);

}  // namespace fllm
