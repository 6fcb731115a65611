// SPDX-License-Identifier: Apache-2.0
#include "host/tokenizer/merge_table.h"

#include <fmt/core.h>

#include "host/util/quoted_text.h"

namespace fllm {

MergeTable::MergeTable(const std::vector<std::pair<std::string, std::string>>& merges,
                       const std::unordered_map<std::string_view, TokenId>& pieces, FileProblems& problems) {
  merges_.reserve(merges.size());
  std::string joined;
  const auto id_of = [&](std::string_view text, std::size_t rank) {
    const auto found = pieces.find(text);
    if (found != pieces.end()) return found->second;
    problems.add(fmt::format("merges[{}]: {} is not in the vocabulary", rank, quoted_text(text)));
    return kNoToken;
  };
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    const auto& [left, right] = merges[rank];
    joined.assign(left).append(right);
    const BpeMerge merge{static_cast<std::uint32_t>(rank), id_of(joined, rank)};
    merges_.insert_or_assign(key(id_of(left, rank), id_of(right, rank)), merge);
  }
}

}  // namespace fllm
