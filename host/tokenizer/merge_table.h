// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "host/tokenizer/bpe_merge.h"
#include "host/tokenizer/file_problems.h"

namespace fllm {

/// Merges of a vocabulary by the ids of both sides.
class MergeTable {
 public:
  MergeTable() = default;
  /// merges by rank; a pair that is listed twice has the later rank, as in Hugging Face's tokenizers. Adds a problem
  /// for each merge whose sides or result are not among pieces (text -> id).
  MergeTable(const std::vector<std::pair<std::string, std::string>>& merges,
             const std::unordered_map<std::string_view, TokenId>& pieces, FileProblems& problems);

  [[nodiscard]] std::optional<BpeMerge> find(TokenId left, TokenId right) const {
    const auto found = merges_.find(key(left, right));
    return found == merges_.end() ? std::nullopt : std::optional(found->second);
  }
  [[nodiscard]] bool empty() const { return merges_.empty(); }

 private:
  static std::uint64_t key(TokenId left, TokenId right) {
    return (std::uint64_t{static_cast<std::uint32_t>(left)} << 32) | static_cast<std::uint32_t>(right);
  }
  std::unordered_map<std::uint64_t, BpeMerge> merges_;
};

}  // namespace fllm
