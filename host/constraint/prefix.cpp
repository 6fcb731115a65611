// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/prefix.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <string_view>
#include <utility>

#include "fundamentallm/result.h"
#include "host/constraint/likely_text.h"
#include "host/constraint/token_mask.h"
#include "host/constraint/token_trie.h"
#include "host/util/quoted_text.h"

namespace fllm {
namespace {

constexpr std::int32_t kNever = std::numeric_limits<std::int32_t>::max();

/// Calls visit(bytes of the text, tokens) for the tokens that spell so many of its first bytes, more of them each time, and last for
/// those that go beyond it.
template <class Visit>
void visit_agreeing(const TokenTrie& trie, std::string_view text, const Visit& visit) {
  const TokenTrie::Node* node = nullptr;
  for (std::size_t length = 1; length <= text.size(); ++length) {
    node = trie.child(node, text[length - 1]);
    if (node == nullptr) return;
    visit(length, trie.tokens_of(*node));
  }
  if (node != nullptr) {
    visit(text.size(), trie.tokens_from(*node).subspan(static_cast<std::size_t>(node->token_count)));
  }
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
  const auto trie = tokens.trie();
  const auto is_usable = [usable](TokenId id) { return is_allowed(usable, id); };
  shortest_.back() = 0;
  for (std::size_t at = text.size(); at-- > 0;) {
    visit_agreeing(*trie, text.substr(at), [&](std::size_t length, std::span<const TokenId> ids) {
      const std::int32_t behind = shortest_[at + length];
      if (behind < shortest_[at] && std::ranges::any_of(ids, is_usable)) shortest_[at] = behind + 1;
    });
  }
  if (shortest_.front() == kNever) {
    std::size_t reach = 0;
    std::vector<bool> reached(text.size() + 1, false);
    reached[0] = true;
    for (std::size_t at = 0; at < text.size(); ++at) {
      if (!reached[at]) continue;
      reach = at;
      visit_agreeing(*trie, text.substr(at), [&](std::size_t length, std::span<const TokenId> ids) {
        if (std::ranges::any_of(ids, is_usable)) reached[at + length] = true;
      });
    }
    throw Exception(ErrorCode::kInvalidArgument, "prefix: " + quoted_text(prefix_) +
                                                     ": no allowed token continues it at byte " +
                                                     std::to_string(reach) + "; it must be text the model can write");
  }

  first_.reserve(text.size() + 1);
  for (std::size_t at = 0; at < text.size(); ++at) {
    first_.push_back(allowed_.size());
    visit_agreeing(*trie, text.substr(at), [&](std::size_t length, std::span<const TokenId> ids) {
      if (shortest_[at + length] == kNever) return;
      std::ranges::copy_if(ids, std::back_inserter(allowed_), is_usable);
    });
    std::sort(allowed_.begin() + static_cast<std::ptrdiff_t>(first_.back()), allowed_.end());
  }
  first_.push_back(allowed_.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    spelled_.push_back(longest_within(text.substr(at), allowed(static_cast<std::int32_t>(at)), tokens));
  }
}

}  // namespace fllm
