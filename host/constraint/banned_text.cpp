// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/banned_text.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "host/constraint/token_mask.h"

namespace fllm {
namespace {

/// Those that contain no other one, each once.
std::vector<std::string> shortest(std::vector<std::string> texts) {
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  const ByteAutomaton all(texts);
  std::erase_if(texts, [&all](const std::string& text) {
    ByteAutomaton::State state = ByteAutomaton::kRoot;
    for (const char byte : text) {
      if (all.match_length(state) > 0) return true;
      state = all.next(state, byte);
    }
    return all.match_length(all.shorter(state)) > 0;
  });
  return texts;
}

}  // namespace

BannedText::BannedText(const std::vector<std::string>& texts, const TokenIndex& tokens)
    : BannedText(shortest(texts), tokens.trie()) {}

BannedText::BannedText(const std::vector<std::string>& texts, std::shared_ptr<const TokenTrie> trie)
    : trie_(std::move(trie)), automaton_(texts) {
  find_always();
  find_endings(texts);
}

void BannedText::find_always() {
  unless_contained_.resize(static_cast<std::size_t>(mask_words(trie_->vocab_size())));
  allow_all(unless_contained_);
  const auto nodes = trie_->nodes();
  std::vector<State> path(static_cast<std::size_t>(trie_->max_depth()) + 1, ByteAutomaton::kRoot);
  for (std::size_t i = 0; i < nodes.size();) {
    const Node& node = nodes[i];
    path[node.depth] = automaton_.next(path[node.depth - 1u], static_cast<char>(node.byte));
    if (automaton_.match_length(path[node.depth]) == 0) {
      ++i;
      continue;
    }
    for (const TokenId id : trie_->tokens_from(node)) forbid(unless_contained_, id);
    i = static_cast<std::size_t>(node.behind);
  }
}

void BannedText::find_endings(const std::vector<std::string>& texts) {
  const auto states = static_cast<std::size_t>(automaton_.state_count());
  std::vector<std::vector<const Node*>> endings(states);
  for (const std::string& text : texts) {
    State state = ByteAutomaton::kRoot;
    for (std::size_t begun = 1; begun < text.size(); ++begun) {
      state = automaton_.next(state, text[begun - 1]);
      const Node* const ending = trie_->find(std::string_view(text).substr(begun));
      if (ending != nullptr) endings[static_cast<std::size_t>(state)].push_back(ending);
    }
  }
  first_.reserve(states + 1);
  for (const auto& of_state : endings) {
    first_.push_back(endings_.size());
    endings_.insert(endings_.end(), of_state.begin(), of_state.end());
  }
  first_.push_back(endings_.size());
  shorter_.resize(states, ByteAutomaton::kRoot);
  std::vector<State> by_depth(states);
  std::iota(by_depth.begin(), by_depth.end(), ByteAutomaton::kRoot);
  std::ranges::sort(by_depth, {}, [this](State state) { return automaton_.depth(state); });
  for (const State state : by_depth) {
    const State shorter = automaton_.shorter(state);
    const auto at = static_cast<std::size_t>(shorter);
    shorter_[static_cast<std::size_t>(state)] = first_[at] < first_[at + 1] ? shorter : shorter_[at];
  }
}

bool BannedText::completes(State state, std::string_view bytes) const {
  for (const char byte : bytes) {
    state = automaton_.next(state, byte);
    if (automaton_.match_length(state) > 0) return true;
  }
  return false;
}

BannedText::State BannedText::advance(State state, std::string_view bytes) const {
  for (const char byte : bytes) state = automaton_.next(state, byte);
  return state;
}

void BannedText::forbid_in(State state, std::span<std::uint32_t> mask) const {
  for (std::size_t word = 0; word < unless_contained_.size(); ++word) mask[word] &= unless_contained_[word];
  for (; state != ByteAutomaton::kRoot; state = shorter_[static_cast<std::size_t>(state)]) {
    const auto at = static_cast<std::size_t>(state);
    for (std::size_t i = first_[at]; i < first_[at + 1]; ++i) {
      for (const TokenId id : trie_->tokens_from(*endings_[i])) forbid(mask, id);
    }
  }
}

}  // namespace fllm
