// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "cuda/kernels/automaton_params.h"
#include "host/constraint/banned_text.h"
#include "host/constraint/byte_automaton.h"
#include "host/constraint/constraint_tables.h"
#include "host/constraint/prefix.h"

namespace fllm {

/// What restrains an output, as tables a device walks byte by byte (ByteAutomata): a state of the text so far, its successor for
/// each byte, the tokens it allows, and what else holds in it. States that allow the same tokens share a mask row.
class DeviceAutomaton {
 public:
  static constexpr std::int32_t kMaxStates = 1 << 15;
  static constexpr std::size_t kMaxMaskWords = std::size_t{1} << 24;

  /// base_mask: allow mask of the vocabulary, or empty; mask_words: of each mask row.
  explicit DeviceAutomaton(std::span<const std::uint32_t> base_mask = {}, std::size_t mask_words = 0);

  /// States whose masks allow what a forced prefix and banned text do, either of which may be null: first the bytes of the
  /// prefix, then the automaton over what may not be completed. Exception(kUnsupported) when the tables become too large.
  void constrain(const PrefixConstraint* prefix, const BannedText* banned);
  /// The same of texts of a constraint, with a state for each of its states and of the automaton over banned text (null: none)
  /// that occur together. can_draw_end: some end token is not banned. Precondition: tables.is_complete().
  void constrain(ConstraintTables& tables, const BannedText* banned, bool can_draw_end);
  /// States that accept where a stop string is complete behind the prefix. Exception(kUnsupported) likewise.
  void stop_at(const ByteAutomaton& stops, const PrefixConstraint* prefix);

  /// Exception(kUnsupported) beyond kMaxStates. A constraint has at least the states of its automaton: what is too large is known
  /// before its masks are worked out, which takes long.
  static void check_states(std::int64_t count, std::string_view name = "constraint, prefix, banned_text, stop_strings");

  [[nodiscard]] std::int32_t state_count() const { return static_cast<std::int32_t>(flags.size()); }
  /// In a state; -1: where there is none.
  [[nodiscard]] bool frees_ends(std::int32_t state) const {
    return state >= 0 && (flags[static_cast<std::size_t>(state)] & kStateFreesEnds) != 0;
  }
  /// The state behind bytes.
  [[nodiscard]] std::int32_t walk(std::int32_t state, std::string_view bytes) const {
    for (const char byte : bytes) {
      state = next[static_cast<std::size_t>(state) * 256 + static_cast<unsigned char>(byte)];
    }
    return state;
  }
  [[nodiscard]] std::int32_t mask_count() const { return static_cast<std::int32_t>(rows_.size()); }

  std::vector<std::int32_t> next;       // [states, 256]
  std::vector<std::int32_t> mask_rows;  // [states]; -1: everything is allowed
  std::vector<std::uint8_t> flags;      // [states] of StateFlag
  std::vector<TokenId> forced_tokens;   // [states], see ByteAutomata
  std::vector<TokenId> spelled_tokens;  // likewise
  std::vector<std::uint32_t> masks;     // [mask rows, words]
  std::int32_t mask_start = -1, stop_start = -1;
  std::int32_t base_row = -1;  // of the base mask

 private:
  std::int32_t row_of(const std::vector<std::uint32_t>& mask);
  [[nodiscard]] std::span<const std::uint32_t> mask_at(std::int32_t row) const {
    return std::span(masks).subspan(static_cast<std::size_t>(row) * words_, words_);
  }
  std::int32_t add_state(std::int32_t mask_row, std::uint8_t flags);
  void add_chain(std::string_view prefix, std::int32_t behind, std::uint8_t flags_within);
  void add_copy(const ByteAutomaton& automaton);
  void check_size(std::int64_t more_states) const { check_states(state_count() + more_states); }

  std::vector<std::uint32_t> base_;
  std::size_t words_;
  std::map<std::vector<std::uint32_t>, std::int32_t> rows_;  // of each mask there is
};

}  // namespace fllm
