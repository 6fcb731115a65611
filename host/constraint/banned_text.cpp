// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/banned_text.h"

#include "host/constraint/token_mask.h"

namespace fllm {

BannedText::BannedText(const std::vector<std::string>& texts, const TokenIndex& tokens) : automaton_(texts) {
  for (TokenId id = 0; id < tokens.size(); ++id) {
    if (completes(ByteAutomaton::kRoot, tokens.bytes(id))) always_.push_back(id);
  }
  const State states = automaton_.state_count();
  first_.reserve(static_cast<std::size_t>(states) + 1);
  for (State state = 0; state < states; ++state) {
    first_.push_back(extra_.size());
    for (int value = 0; value < 256; ++value) {
      const char byte = static_cast<char>(static_cast<unsigned char>(value));
      // No deeper than its own byte: what went before plays no part, and `always` has the token.
      if (automaton_.depth(automaton_.next(state, byte)) <= 1) continue;
      for (const TokenId id : tokens.starting_with(byte)) {
        if (completes(state, tokens.bytes(id))) extra_.push_back(id);
      }
    }
  }
  first_.push_back(extra_.size());
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
  for (const TokenId id : always_) forbid(mask, id);
  const auto at = static_cast<std::size_t>(state);
  for (std::size_t i = first_[at]; i < first_[at + 1]; ++i) forbid(mask, extra_[i]);
}

}  // namespace fllm
