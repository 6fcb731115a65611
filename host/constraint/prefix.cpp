// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/prefix.h"

#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>

#include "fundamentallm/result.h"
#include "host/constraint/likely_text.h"
#include "host/constraint/token_mask.h"
#include "host/util/quoted_text.h"

namespace fllm {
namespace {

constexpr std::int32_t kNever = std::numeric_limits<std::int32_t>::max();

/// Bytes of the rest a token covers; 0: it disagrees with it.
std::size_t covered(std::string_view rest, std::string_view token) {
  const std::size_t common = std::min(rest.size(), token.size());
  return rest.substr(0, common) == token.substr(0, common) ? common : 0;
}

/// allowed: tokens that agree with the rest of a prefix, behind which anything may come.
std::optional<TokenId> longest_within(std::string_view rest, std::span<const TokenId> allowed,
                                      const TokenIndex& tokens) {
  std::optional<TokenId> longest;
  AsciiSet longer;
  for (const TokenId id : allowed) {
    const std::string_view bytes = tokens.bytes(id);
    if (bytes.size() > rest.size()) {
      const auto beyond = static_cast<unsigned char>(bytes[rest.size()]);
      if (beyond < longer.size()) longer.set(beyond);
    } else if (!longest || bytes.size() > tokens.bytes(*longest).size()) {
      longest = id;
    }
  }
  return likely_ends(AsciiSet().set(), longer) ? longest : std::nullopt;
}

}  // namespace

PrefixConstraint::PrefixConstraint(std::string prefix, const TokenIndex& tokens, std::span<const std::uint32_t> usable)
    : prefix_(std::move(prefix)), shortest_(prefix_.size() + 1, kNever) {
  const std::string_view text = prefix_;
  shortest_.back() = 0;
  for (std::size_t at = text.size(); at-- > 0;) {
    for (const TokenId id : tokens.starting_with(text[at])) {
      const std::size_t length = covered(text.substr(at), tokens.bytes(id));
      if (length == 0 || !is_allowed(usable, id) || shortest_[at + length] == kNever) continue;
      shortest_[at] = std::min(shortest_[at], shortest_[at + length] + 1);
    }
  }
  if (shortest_.front() == kNever) {
    std::size_t reach = 0;
    std::vector<bool> reached(text.size() + 1, false);
    reached[0] = true;
    for (std::size_t at = 0; at < text.size(); ++at) {
      if (!reached[at]) continue;
      reach = at;
      for (const TokenId id : tokens.starting_with(text[at])) {
        if (is_allowed(usable, id)) reached[at + covered(text.substr(at), tokens.bytes(id))] = true;
      }
    }
    throw Exception(ErrorCode::kInvalidArgument, "prefix: " + quoted_text(prefix_) +
                                                     ": no allowed token continues it at byte " +
                                                     std::to_string(reach) + "; it must be text the model can write");
  }

  first_.reserve(text.size() + 1);
  for (std::size_t at = 0; at < text.size(); ++at) {
    first_.push_back(allowed_.size());
    for (const TokenId id : tokens.starting_with(text[at])) {
      const std::size_t length = covered(text.substr(at), tokens.bytes(id));
      if (length > 0 && is_allowed(usable, id) && shortest_[at + length] != kNever) allowed_.push_back(id);
    }
  }
  first_.push_back(allowed_.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    spelled_.push_back(longest_within(text.substr(at), allowed(static_cast<std::int32_t>(at)), tokens));
  }
}

}  // namespace fllm
