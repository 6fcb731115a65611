// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "cuda/kernels/automaton_params.h"
#include "cuda/kernels/sample_params.h"
#include "cuda/portable/annotations.h"

// What a device needs to go on with a batch by itself, token after token, and how it tells the host.
namespace fllm {

/// A row's own state between steps.
struct ResidentRow {
  double sum_logprob = 0;        // of the tokens drawn so far, each the logarithm before edits and filters
  std::int32_t token_limit = 0;  // the row ends with this many tokens of prompt and output together
  std::int32_t finished = 1;     // it has ended, or there is none: it stays where it is
  std::int32_t slot = 0;         // [0, TokenRing::depth): where its next token goes
  std::int32_t state = -1;       // of CommitRowsParams::automata, what its text may be; -1: its mask row stays
  std::int32_t min_tokens = 0;   // with a state: RowSampling::min_tokens, where the state does not free the ends
};

/// Where the host reads tokens while the device works on later ones. A word is empty until its token is there, and the
/// host empties it again; so each word says by itself that it has come, and no order between words is needed. No more
/// steps may be enqueued than there are slots the host has emptied.
struct TokenRing {
  std::uint32_t* words = nullptr;  // [depth, stride], memory the host sees
  double* final_sums = nullptr;    // [stride], memory the host sees: sum_logprob of rows that have finished
  double* sums = nullptr;  // [depth, stride]: sum_logprob behind each word of a row that had not finished before
  std::int32_t depth = 0;
  std::int32_t stride = 0;  // words of a step there is room for
};

constexpr std::uint32_t kEmptyWord = 0;
constexpr std::uint32_t kIdleWord = ~std::uint32_t{0};  // of a row that had finished before

/// The word of a token, or of none where it is negative. Bit 0: the row finishes with it; then 21 bits of the token, and 5
/// each that say of a step how many drafts it had and how many of these were accepted. Never one of the two above. One word is
/// written more than drafts were accepted, none behind one that finishes.
FLLM_HOST_DEVICE std::uint32_t token_word(std::int32_t token, bool finishes, std::int32_t drafted = 0,
                                          std::int32_t accepted = 0) {
  const std::uint32_t number = token < 0 ? 0u : static_cast<std::uint32_t>(token) + 1;
  return static_cast<std::uint32_t>(accepted) << 27 | static_cast<std::uint32_t>(drafted) << 22 | number << 1 |
         (finishes || token < 0 ? 1u : 0u);
}
/// -1: every token was forbidden.
FLLM_HOST_DEVICE std::int32_t token_of(std::uint32_t word) {
  return static_cast<std::int32_t>(word >> 1 & 0x1fffffu) - 1;
}
FLLM_HOST_DEVICE bool finishes(std::uint32_t word) { return (word & 1u) != 0; }
FLLM_HOST_DEVICE std::int32_t drafted_of(std::uint32_t word) { return static_cast<std::int32_t>(word >> 22 & 31u); }
FLLM_HOST_DEVICE std::int32_t accepted_of(std::uint32_t word) { return static_cast<std::int32_t>(word >> 27); }
/// How many words of the row follow a step's first one, unless one of them finishes.
FLLM_HOST_DEVICE std::int32_t words_behind(std::uint32_t word) { return word == kIdleWord ? 0 : accepted_of(word); }

/// What a step leaves to be taken over by the next one.
struct CommitRowsParams {
  const std::int32_t* drawn = nullptr;    // [rows]; negative: nothing
  const SampleDetail* details = nullptr;  // [rows]; raw_logprob is read
  const std::int32_t* end_ids = nullptr;  // flat, RowSampling::end_ids are ranges of it
  RowSampling* sampling = nullptr;        // [rows]; random.position: tokens of prompt and output before the drawn one.
                                          // With it, generated, and of rows with a state mask_row and min_tokens go on
  ResidentRow* states = nullptr;          // [rows]
  std::int32_t* tokens = nullptr;         // [rows]: the model's next input
  std::int32_t* positions = nullptr;      // [rows]: of that input
  TokenRing ring;
  std::int32_t rows = 0;
  ByteAutomata automata;
};

}  // namespace fllm
