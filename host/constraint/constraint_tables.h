// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "host/constraint/alike_states.h"
#include "host/constraint/byte_dfa.h"
#include "host/constraint/compile_budget.h"
#include "host/constraint/likely_text.h"
#include "host/constraint/token_index.h"
#include "host/constraint/token_trie.h"

namespace fllm {

/// A byte automaton over a vocabulary: for each state, the tokens from which a text of the language can still be
/// finished. Flat arrays, from which DeviceAutomaton makes what a device walks:
///
///     mask_row[state_count]         row of the state; kNoRow: not worked out yet, or from which no text can be finished
///     words[row_count, row_words]   rows, each once: bit i % 32 of word i / 32, 1: allowed
///
/// End tokens are allowed exactly in accepting states, and never as text. A row is worked out when it is first asked for,
/// by one walk over the trie of the vocabulary, so row() is for one thread at a time.
class ConstraintTables {
 public:
  static constexpr std::int32_t kNoRow = -1;

  struct Vocabulary {
    std::shared_ptr<const TokenTrie> trie;
    std::vector<std::uint32_t> usable;  // allow mask of what may be drawn at all, as text or as an end
    std::vector<TokenId> ends;          // ascending
  };

  /// Exception(kInvalidArgument): no text is accepted, or none can be spelled, or a limit of the budget.
  ConstraintTables(ByteDfa dfa, Vocabulary vocabulary, CompileBudget budget);

  [[nodiscard]] const ByteDfa& dfa() const { return dfa_; }
  [[nodiscard]] std::size_t row_words() const { return vocabulary_.usable.size(); }
  /// Valid until the next call. Precondition: can_finish(state).
  [[nodiscard]] std::span<const std::uint32_t> row(ByteDfa::State state);
  /// Whether tokens can lead from here to an accepting state.
  [[nodiscard]] bool can_finish(ByteDfa::State state) const { return live_[static_cast<std::size_t>(state)] != 0; }
  /// Whether a text can go on: some token other than an end is allowed.
  [[nodiscard]] bool can_go_on(ByteDfa::State state);
  /// The one token that is allowed; none: there are several, or there is none. Precondition: can_finish(state).
  [[nodiscard]] std::optional<TokenId> forced(ByteDfa::State state);
  /// The token guessed to come where the bytes that follow are guessed (LikelyText): the longest that spells some of them and nothing
  /// else; none, where it is likely to go beyond them. It may be drawn, and is no end. Precondition: can_finish(state).
  [[nodiscard]] std::optional<TokenId> spelled(ByteDfa::State state) const;
  [[nodiscard]] bool is_end(TokenId id) const;

  /// Works out rows of states that can finish, until all are there or so many nodes of the trie (or transitions, to find
  /// the states that share a row) have been visited, some at least; whether all are there. Exception(kInvalidArgument):
  /// rows beyond the limit of memory.
  bool work_out(std::int64_t visits);
  [[nodiscard]] bool is_complete() const { return unknown_from_ == dfa_.state_count(); }
  [[nodiscard]] const std::vector<std::int32_t>& mask_row() const { return mask_row_; }
  [[nodiscard]] const std::vector<std::uint32_t>& words() const { return words_; }

 private:
  void find_live_states();
  bool find_alike_states(std::int64_t visits);
  [[nodiscard]] bool reaches_live(ByteDfa::State state);
  void walk(ByteDfa::State state, std::span<std::uint32_t> out);
  std::int32_t keep(std::span<const std::uint32_t> row);

  ByteDfa dfa_;
  Vocabulary vocabulary_;
  CompileBudget budget_;
  LikelyText likely_;
  std::vector<std::uint8_t> live_;                 // [states]
  std::vector<std::uint8_t> goes_on_;              // [rows]
  std::vector<std::optional<TokenId>> forced_;     // [rows]
  std::vector<std::int32_t> mask_row_;             // [states]
  std::vector<std::uint32_t> words_;               // [rows, row_words]
  std::vector<std::uint64_t> hashes_;              // [rows]
  std::vector<std::uint32_t> scratch_;             // one row
  std::vector<std::uint32_t> text_;                // usable tokens that are no ends
  std::vector<ByteDfa::State> path_;               // states by depth in the trie
  std::optional<AlikeStates> alike_;               // while it is refined
  std::vector<ByteDfa::State> first_alike_;        // [states], of those whose masks cannot differ, once it is known
  std::int64_t visited_ = 0;                       // nodes and transitions, by all walks
  ByteDfa::State unknown_from_ = ByteDfa::kStart;  // the rows of states before it are worked out
};

}  // namespace fllm
