// SPDX-License-Identifier: Apache-2.0
#include "host/tokenizer/special_tokens.h"

#include <algorithm>

namespace fllm {
namespace {

std::uint64_t edge(std::uint32_t node, char byte) {
  return (std::uint64_t{node} << 8) | static_cast<unsigned char>(byte);
}

}  // namespace

void SpecialTokens::add(std::string_view text, TokenId id, bool control) {
  first_bytes_.set(static_cast<unsigned char>(text[0]));
  std::uint32_t node = 0;
  for (const char byte : text) {
    const auto [found, added] = edges_.try_emplace(edge(node, byte), static_cast<std::uint32_t>(nodes_.size()));
    if (added) nodes_.emplace_back();
    node = found->second;
  }
  nodes_[node] = {id, control};
}

std::optional<SpecialTokens::Match> SpecialTokens::longest(std::string_view text, std::size_t control_end) const {
  std::optional<Match> best;
  std::uint32_t node = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto found = edges_.find(edge(node, text[i]));
    if (found == edges_.end()) break;
    node = found->second;
    const Node& here = nodes_[node];
    if (here.id && (!here.control || i < control_end)) best = Match{*here.id, i + 1};
  }
  return best;
}

std::vector<TextPart> SpecialTokens::split(std::string_view text, const std::vector<TextRange>& control_ranges) const {
  std::vector<TextPart> parts;
  std::size_t begin = 0;
  auto range = control_ranges.begin();
  const auto push_text = [&](std::size_t end) {
    if (end > begin) parts.push_back({text.substr(begin, end - begin), std::nullopt});
  };
  for (std::size_t at = 0; at < text.size();) {
    if (!first_bytes_.test(static_cast<unsigned char>(text[at]))) {
      ++at;
      continue;
    }
    while (range != control_ranges.end() && range->end <= at) ++range;
    const bool within = range != control_ranges.end() && range->begin <= at;
    const std::optional<Match> match = longest(text.substr(at), within ? range->end - at : 0);
    if (!match) {
      ++at;
      continue;
    }
    push_text(at);
    parts.push_back({text.substr(at, match->bytes), match->id});
    at += match->bytes;
    begin = at;
  }
  push_text(text.size());
  return parts;
}

}  // namespace fllm
