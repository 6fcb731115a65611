// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

// What texts may be, as tables a row's state is walked through byte by byte. Plain data, laid out the same on host and device.
namespace fllm {

/// What holds in a state of an automaton.
enum StateFlag : std::uint8_t {
  kStateAccepts = 1,    // a stop string is complete
  kStateFreesEnds = 2,  // end tokens are not held back while fewer than min_tokens are generated: nothing else may come
  kStateSpells = 4,     // end tokens are text like any other
  kStateEnds = 8,       // the text is whole, and there is no end token to say so: it ends here
};

/// Byte automata in one table, and the bytes of the tokens that walk through them. States that allow the same tokens share a
/// mask row.
struct ByteAutomata {
  const std::int32_t* next = nullptr;       // [states, 256]
  const std::int32_t* mask_rows = nullptr;  // [states] of the allow mask; -1: everything is allowed
  const std::uint8_t* flags = nullptr;      // [states] of StateFlag
  const std::uint8_t* bytes = nullptr;      // flat, of tokens
  const std::int64_t* offsets = nullptr;    // [vocab + 1] into bytes; a token without text has none
  std::int32_t state_count = 0;             // a state outside [0, state_count) is none: it allows everything
  // [states] of the one token that a constraint or prefix allows; -1: it allows several, or none, or banned text forbids it.
  // An end is where nothing else can follow, so that no min_tokens holds it back.
  const std::int32_t* forced_tokens = nullptr;
  // [states] of the token guessed to come where several spell bytes that are known; -1: none, or it is not guessed.
  const std::int32_t* spelled_tokens = nullptr;
};

}  // namespace fllm
