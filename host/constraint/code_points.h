// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

namespace fllm {

constexpr char32_t kMaxCodePoint = 0x10FFFF;

struct CodePointRange {
  char32_t first = 0, last = 0;  // both in it
  bool operator==(const CodePointRange&) const = default;
};

/// A set of Unicode scalar values: surrogates are never in it, so that everything it stands for is valid UTF-8.
class CodePointSet {
 public:
  CodePointSet() = default;
  /// Of ranges in any order, which may overlap.
  explicit CodePointSet(const std::vector<CodePointRange>& ranges);
  [[nodiscard]] static CodePointSet all() { return CodePointSet({{0, kMaxCodePoint}}); }

  [[nodiscard]] CodePointSet inverted() const;
  [[nodiscard]] CodePointSet without(const CodePointSet& other) const;
  [[nodiscard]] CodePointSet within(const CodePointSet& other) const;
  /// With all characters that Unicode's simple case folding makes the same as one of them.
  [[nodiscard]] CodePointSet any_case() const;

  [[nodiscard]] bool contains(char32_t value) const;
  [[nodiscard]] bool empty() const { return ranges_.empty(); }
  /// Ascending, apart by at least one.
  [[nodiscard]] const std::vector<CodePointRange>& ranges() const { return ranges_; }
  bool operator==(const CodePointSet&) const = default;

 private:
  std::vector<CodePointRange> ranges_;
};

[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace fllm
