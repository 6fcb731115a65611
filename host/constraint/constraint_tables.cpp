// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/constraint_tables.h"

#include <algorithm>
#include <array>
#include <utility>

#include "fundamentallm/result.h"
#include "host/constraint/token_mask.h"

namespace fllm {
namespace {

std::uint64_t hash_words(std::span<const std::uint32_t> words) {
  std::uint64_t hash = words.size();
  for (const std::uint32_t word : words) {
    hash = (hash ^ word) * 0x9E3779B97F4A7C15;
    hash ^= hash >> 32;
  }
  return hash;
}

}  // namespace

ConstraintTables::ConstraintTables(ByteDfa dfa, Vocabulary vocabulary, CompileBudget budget)
    : dfa_(std::move(dfa)),
      vocabulary_(std::move(vocabulary)),
      budget_(std::move(budget)),
      likely_(dfa_),
      mask_row_(static_cast<std::size_t>(dfa_.state_count()), kNoRow),
      scratch_(vocabulary_.usable.size()),
      text_(vocabulary_.usable),
      path_(static_cast<std::size_t>(vocabulary_.trie->max_depth()) + 1) {
  for (const TokenId id : vocabulary_.ends) forbid(text_, id);
  if (dfa_.is_empty()) {
    throw Exception(ErrorCode::kInvalidArgument, budget_.name() + ": no text at all matches it");
  }
  find_live_states();
  if (!can_finish(ByteDfa::kStart)) {
    throw Exception(ErrorCode::kInvalidArgument,
                    budget_.name() + ": no text that matches it can be written with the tokens this model may draw");
  }
}

bool ConstraintTables::is_end(TokenId id) const {
  return std::binary_search(vocabulary_.ends.begin(), vocabulary_.ends.end(), id);
}

// Most vocabularies have a token for each byte, and then what bytes can finish tokens can too. So single bytes are
// followed back first, and only states left over are tried with every token, until no more are found.
void ConstraintTables::find_live_states() {
  const auto states = static_cast<std::size_t>(dfa_.state_count());
  const auto classes = static_cast<std::size_t>(dfa_.class_count());
  std::vector<bool> single(classes, false);
  for (const TokenTrie::Node& node : vocabulary_.trie->nodes()) {
    if (node.depth != 1) continue;
    const auto tokens = vocabulary_.trie->tokens_of(node);
    if (std::any_of(tokens.begin(), tokens.end(), [&](TokenId id) { return is_allowed(text_, id); })) {
      single[dfa_.class_of()[node.byte]] = true;
    }
  }
  live_ = dfa_.accepting();
  budget_.take_steps(states * classes * 2);
  const Incoming incoming(dfa_.next(), dfa_.state_count(), ByteDfa::kDead);
  std::vector<ByteDfa::State> open;
  const auto follow_back = [&] {
    while (!open.empty()) {
      const ByteDfa::State state = open.back();
      open.pop_back();
      for (const std::int32_t transition : incoming.of(state)) {
        if (!single[static_cast<std::size_t>(transition % dfa_.class_count())]) continue;
        const ByteDfa::State from = transition / dfa_.class_count();
        if (std::exchange(live_[static_cast<std::size_t>(from)], std::uint8_t{1}) == 0) open.push_back(from);
      }
    }
  };
  for (std::size_t state = 1; state < states; ++state) {
    if (live_[state] != 0) open.push_back(static_cast<ByteDfa::State>(state));
  }
  follow_back();
  for (bool found = true; found;) {
    found = false;
    for (ByteDfa::State state = dfa_.state_count() - 1; state > 0; --state) {
      if (can_finish(state) || !reaches_live(state)) continue;
      live_[static_cast<std::size_t>(state)] = 1;
      open.push_back(state);
      follow_back();
      found = true;
    }
  }
}

bool ConstraintTables::reaches_live(ByteDfa::State state) {
  const auto nodes = vocabulary_.trie->nodes();
  path_[0] = state;
  std::size_t visited = 0;
  bool found = false;
  for (std::size_t i = 0; i < nodes.size() && !found;) {
    const TokenTrie::Node& node = nodes[i];
    const ByteDfa::State to = dfa_.next(path_[node.depth - 1u], static_cast<char>(node.byte));
    ++visited;
    if (to == ByteDfa::kDead) {
      i = static_cast<std::size_t>(node.behind);
      continue;
    }
    path_[node.depth] = to;
    ++i;
    if (!can_finish(to)) continue;
    const auto tokens = vocabulary_.trie->tokens_of(node);
    found = std::any_of(tokens.begin(), tokens.end(), [&](TokenId id) { return is_allowed(text_, id); });
  }
  budget_.take_steps(visited);
  return found;
}

void ConstraintTables::walk(ByteDfa::State state, std::span<std::uint32_t> out) {
  const auto nodes = vocabulary_.trie->nodes();
  forbid_all(out);
  path_[0] = state;
  for (std::size_t i = 0; i < nodes.size();) {
    ++visited_;
    const TokenTrie::Node& node = nodes[i];
    const ByteDfa::State to = dfa_.next(path_[node.depth - 1u], static_cast<char>(node.byte));
    if (to == ByteDfa::kDead) {
      i = static_cast<std::size_t>(node.behind);
      continue;
    }
    path_[node.depth] = to;
    ++i;
    if (node.token_count == 0 || !can_finish(to)) continue;
    for (const TokenId id : vocabulary_.trie->tokens_of(node)) allow(out, id);
  }
  for (std::size_t word = 0; word < out.size(); ++word) out[word] &= text_[word];
}

std::span<const std::uint32_t> ConstraintTables::row(ByteDfa::State state) {
  std::int32_t& known = mask_row_[static_cast<std::size_t>(state)];
  if (known == kNoRow) {
    walk(state, scratch_);
    if (dfa_.accepts(state)) {
      for (const TokenId id : vocabulary_.ends) {
        if (is_allowed(vocabulary_.usable, id)) allow(scratch_, id);
      }
    }
    known = keep(scratch_);
    if (known == kNoRow) return scratch_;  // no memory left for rows: worked out each time
  }
  return std::span<const std::uint32_t>(words_).subspan(static_cast<std::size_t>(known) * row_words(), row_words());
}

bool ConstraintTables::can_go_on(ByteDfa::State state) {
  const auto words = row(state);
  const std::int32_t known = mask_row_[static_cast<std::size_t>(state)];
  if (known != kNoRow) return goes_on_[static_cast<std::size_t>(known)] != 0;
  return std::any_of(words.begin(), words.end(),
                     [&, i = std::size_t{0}](std::uint32_t word) mutable { return (word & text_[i++]) != 0; });
}

std::optional<TokenId> ConstraintTables::forced(ByteDfa::State state) {
  const auto words = row(state);
  const std::int32_t known = mask_row_[static_cast<std::size_t>(state)];
  return known != kNoRow ? forced_[static_cast<std::size_t>(known)] : only_allowed(words);
}

std::optional<TokenId> ConstraintTables::spelled(ByteDfa::State state) const {
  const TokenTrie& trie = *vocabulary_.trie;
  std::optional<TokenId> longest;
  const TokenTrie::Node* node = nullptr;
  for (std::optional<char> byte = likely_.next(state); byte; byte = likely_.next(state)) {
    node = trie.child(node, *byte);
    if (node == nullptr) return longest;
    state = dfa_.next(state, *byte);
    if (!can_finish(state)) continue;
    const auto tokens = trie.tokens_of(*node);
    const auto found = std::ranges::find_if(tokens, [&](TokenId id) { return is_allowed(text_, id); });
    if (found != tokens.end()) longest = *found;
  }
  if (!longest) return std::nullopt;
  AsciiSet longer;
  trie.visit_next_bytes(*node, [&longer](std::uint8_t byte) {
    if (byte < longer.size()) longer.set(byte);
  });
  return likely_ends(ascii_behind(dfa_, state), longer) ? longest : std::nullopt;
}

std::int32_t ConstraintTables::keep(std::span<const std::uint32_t> row) {
  const std::uint64_t hash = hash_words(row);
  for (std::size_t i = 0; i < hashes_.size(); ++i) {
    const auto known = std::span<const std::uint32_t>(words_).subspan(i * row_words(), row_words());
    if (hashes_[i] == hash && std::equal(known.begin(), known.end(), row.begin())) {
      return static_cast<std::int32_t>(i);
    }
  }
  if ((words_.size() + row.size()) * sizeof(std::uint32_t) > budget_.limits().table_bytes) return kNoRow;
  bool on = false;
  for (std::size_t word = 0; word < row.size(); ++word) on = on || (row[word] & text_[word]) != 0;
  words_.insert(words_.end(), row.begin(), row.end());
  hashes_.push_back(hash);
  goes_on_.push_back(on ? 1 : 0);
  forced_.push_back(only_allowed(row));
  return static_cast<std::int32_t>(hashes_.size()) - 1;
}

bool ConstraintTables::work_out(std::int64_t visits) {
  const std::int64_t begin = visited_;
  if (!find_alike_states(visits)) return false;
  for (; !is_complete() && visited_ - begin < visits; ++unknown_from_) {
    if (!can_finish(unknown_from_)) continue;
    const auto state = static_cast<std::size_t>(unknown_from_);
    if (mask_row_[state] == kNoRow) mask_row_[state] = mask_row_[static_cast<std::size_t>(first_alike_[state])];
    static_cast<void>(row(unknown_from_));
    if (mask_row_[state] == kNoRow) budget_.check_table_bytes((words_.size() + row_words()) * sizeof(std::uint32_t));
  }
  return is_complete();
}

// A token is allowed wherever its bytes lead to a state that can finish, and an end where the state itself accepts.
bool ConstraintTables::find_alike_states(std::int64_t visits) {
  if (!first_alike_.empty()) return true;
  if (!alike_) {
    std::vector<std::uint8_t> kinds = live_;
    for (std::size_t state = 1; state < kinds.size(); ++state) kinds[state] += dfa_.accepting()[state];
    alike_.emplace(dfa_, kinds, vocabulary_.trie->max_depth());
  }
  for (const std::int64_t begin = visited_; !alike_->is_done(); visited_ += alike_->refine()) {
    if (visited_ - begin >= visits) return false;
  }
  first_alike_ = alike_->first_alike();
  alike_.reset();
  return true;
}

}  // namespace fllm
