// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fundamentallm/options.h"
#include "host/constraint/byte_automaton.h"
#include "host/constraint/token_index.h"

namespace fllm {

/// Keeps strings out of an output, by bytes: in each state of the automaton over the output, the tokens that would
/// complete one, whether they contain it or only end it. Immutable.
class BannedText {
 public:
  using State = ByteAutomaton::State;

  /// Precondition: no text is empty. The tokens are walked here once; a step only looks the state up.
  BannedText(const std::vector<std::string>& texts, const TokenIndex& tokens);

  [[nodiscard]] const ByteAutomaton& automaton() const { return automaton_; }
  [[nodiscard]] State start() const { return ByteAutomaton::kRoot; }
  [[nodiscard]] State advance(State state, std::string_view bytes) const;
  /// Clears the bits of the forbidden tokens.
  void forbid_in(State state, std::span<std::uint32_t> mask) const;
  /// Whether bytes behind a state complete a text.
  [[nodiscard]] bool completes(State state, std::string_view bytes) const;

 private:
  ByteAutomaton automaton_;
  std::vector<TokenId> always_;     // tokens that contain a text
  std::vector<std::size_t> first_;  // [states + 1]: start of the state's part of extra_
  std::vector<TokenId> extra_;      // tokens that end a text begun before them
};

}  // namespace fllm
