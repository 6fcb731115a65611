// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fundamentallm/options.h"
#include "host/constraint/byte_automaton.h"
#include "host/constraint/token_index.h"
#include "host/constraint/token_trie.h"

namespace fllm {

/// Keeps strings out of an output, by bytes: in each state of the automaton over the output, the tokens that would
/// complete one, whether they contain it or only end it. A string that contains another one is left out, so that each token
/// has one reason. Immutable.
class BannedText {
 public:
  using State = ByteAutomaton::State;

  /// Precondition: no text is empty. What may not come is looked up here, once for each byte of the texts; a step only looks
  /// the state up. Exception(kUnsupported): of TokenTrie.
  BannedText(const std::vector<std::string>& texts, const TokenIndex& tokens);

  [[nodiscard]] const ByteAutomaton& automaton() const { return automaton_; }
  [[nodiscard]] State start() const { return ByteAutomaton::kRoot; }
  [[nodiscard]] State advance(State state, std::string_view bytes) const;
  /// Clears the bits of the forbidden tokens.
  void forbid_in(State state, std::span<std::uint32_t> mask) const;
  /// Whether bytes behind a state complete a text.
  [[nodiscard]] bool completes(State state, std::string_view bytes) const;

 private:
  using Node = TokenTrie::Node;

  BannedText(const std::vector<std::string>& texts, std::shared_ptr<const TokenTrie> trie);
  void find_always();
  void find_endings(const std::vector<std::string>& texts);

  std::shared_ptr<const TokenTrie> trie_;
  ByteAutomaton automaton_;
  std::vector<std::uint32_t> unless_contained_;  // allow mask of the vocabulary without the tokens that contain a text
  std::vector<std::size_t> first_;               // [states + 1]: start of the state's part of endings_
  std::vector<const Node*> endings_;  // of tokens that begin with what is missing of the text that leads to the state
  std::vector<State> shorter_;  // [states]: the next one with endings for a shorter part of the output; the root: none
};

}  // namespace fllm
