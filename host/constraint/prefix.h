// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fundamentallm/options.h"
#include "host/constraint/token_index.h"

namespace fllm {

/// Makes an output begin with given bytes, whatever tokens spell them: at each byte of the prefix, the tokens that agree
/// with the rest of it and from which it can still be completed. The last one may go beyond it. Immutable.
class PrefixConstraint {
 public:
  /// usable: allow mask of the tokens that may spell it. Exception(kInvalidArgument) names a prefix that no sequence of
  /// them begins with.
  PrefixConstraint(std::string prefix, const TokenIndex& tokens, std::span<const std::uint32_t> usable);

  [[nodiscard]] std::string_view text() const { return prefix_; }
  [[nodiscard]] std::int32_t byte_count() const { return static_cast<std::int32_t>(prefix_.size()); }
  /// Tokens of the shortest spelling.
  [[nodiscard]] std::int32_t min_token_count() const { return shortest_.front(); }
  /// Tokens allowed after done_bytes of the prefix, ids ascending. 0 <= done_bytes < byte_count().
  [[nodiscard]] std::span<const TokenId> allowed(std::int32_t done_bytes) const {
    const auto at = static_cast<std::size_t>(done_bytes);
    return std::span(allowed_).subspan(first_[at], first_[at + 1] - first_[at]);
  }
  /// Likewise, where it is one alone.
  [[nodiscard]] std::optional<TokenId> forced(std::int32_t done_bytes) const {
    const auto open = allowed(done_bytes);
    return open.size() == 1 ? std::optional(open.front()) : std::nullopt;
  }

  /// The token guessed to come: the longest that spells some of the rest and nothing else; none, where it is likely to go beyond.
  [[nodiscard]] std::optional<TokenId> spelled(std::int32_t done_bytes) const {
    return spelled_[static_cast<std::size_t>(done_bytes)];
  }

 private:
  std::string prefix_;
  std::vector<std::int32_t> shortest_;  // [bytes + 1]: tokens needed from there; kNever: cannot be completed
  std::vector<std::size_t> first_;      // [bytes + 1]: start of the position's part of allowed_
  std::vector<TokenId> allowed_;
  std::vector<std::optional<TokenId>> spelled_;  // [bytes]
};

}  // namespace fllm
