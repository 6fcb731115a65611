// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "cuda/kernels/commit_params.h"
#include "cuda/kernels/draft_params.h"
#include "cuda/portable/draft_length.h"

// What a device needs to draft and to take over what was accepted by itself, step after step. Plain data, laid out the same on
// host and device. Of R rows each has room for some drafts, and a slot more than that; they lie one behind the other, S in all. A step
// is: for i = 1 .. N, where D rows have up to N drafts of a draft model, this model over its inputs, SampleRow over its D rows and
// ExtendDrafts; ProposeDrafts, where some look up their texts or may be forced; then the model over S inputs, SampleRow over as many
// rows, ResolveDrafts and CommitDrafts.
namespace fllm {

/// What a model reads next, in a fixed number of slots. A slot without a token of a row has a filler: token 0 at a place of its
/// own, in blocks that no sequence reads.
struct FeedSlots {
  std::int32_t* tokens = nullptr;     // [slots]
  std::int32_t* positions = nullptr;  // [slots]
  std::int32_t* sequences = nullptr;  // [slots] rows of the block tables
  std::int32_t filler_sequence = 0;   // the first row of the block tables that is a filler's; those of all slots follow
  std::int32_t filler_tokens = 1;     // positions of each
};

namespace drafts {

FLLM_HOST_DEVICE void feed(const FeedSlots& slots, std::int32_t slot, std::int32_t token, std::int32_t position,
                           std::int32_t sequence) {
  slots.tokens[slot] = token;
  slots.positions[slot] = position;
  slots.sequences[slot] = sequence;
}

FLLM_HOST_DEVICE void feed_filler(const FeedSlots& slots, std::int32_t slot) {
  feed(slots, slot, 0, slot % slots.filler_tokens, slots.filler_sequence + slot / slots.filler_tokens);
}

/// A draw that costs little, and whose result nobody reads.
FLLM_HOST_DEVICE RowSampling idle_draw() {
  RowSampling draw;
  draw.temperature = 0;
  return draw;
}

}  // namespace drafts

/// Prompts and outputs of rows that look them up.
struct RowTexts {
  std::int32_t* tokens = nullptr;  // [R, capacity]
  std::int32_t capacity = 0;       // at most kMaxTextTokens; what is beyond it is not looked up
};
constexpr std::int32_t kMaxTextTokens = (1 << 27) - 1;

/// How a row drafts.
struct DraftingRow {
  DraftLength length;
  std::int32_t place = -1;  // [0, D) of the draft model's rows; -1: it is none of them
  std::int32_t reach = 0;   // the draft model reads positions below it
  std::int32_t ngram = 0;   // tokens of the longest match that counts, [1, 16]; 0: the row does not look up its text
  std::int32_t room = 0;    // drafts of a step at most, [0, kMaxDraftTokens]; 0: it has none, whatever it would want
  std::int32_t wanted = 0;  // of the step that comes or runs; a row that wants more than it has room for has finished
  std::int32_t open = 0;    // 1: the draft model is to draw one more
  std::int32_t most = 0;    // drafts of a step, [1, kMaxDraftTokens], the first ones its automaton's; 0: it gives none
  DraftCounts counts;       // of these, in the step that comes or runs
  std::int32_t state = -1;  // of the automata, behind the drafts so far
  DraftLength spelling;     // how many of these are guesses
};

struct DraftLoopParams {
  std::int32_t rows = 0;                  // R
  std::int32_t slots = 0;                 // S
  std::int32_t drafts = 0;                // N in [0, kMaxDraftTokens]; 0: there is no draft model
  std::int32_t drawing = 0;               // D
  std::int32_t index = 0;                 // of ExtendDrafts: i in [1, N], the draft that was just drawn
  ResidentRow* states = nullptr;          // [R]
  DraftingRow* drafting = nullptr;        // [R]
  const std::int32_t* end_ids = nullptr;  // flat, RowSampling::end_ids are ranges of it
  ByteAutomata automata;
  HistoryTable history;  // of each slot, where the row has one
  // Of ProposeDrafts: what may be drawn at all.
  std::int32_t vocab = 0;
  const std::uint32_t* allow_mask = nullptr;  // [mask rows, mask_words], as in SampleParams
  std::int64_t mask_words = 0;
  RowTexts texts;

  // Of the model. With `first` the first slot of a row, slot first + i is behind its i-th draft, i = 0: behind what was drawn.
  FeedSlots feed;
  RowSampling* sampling = nullptr;    // [S]; random.position: tokens of prompt, output and drafts before the draw
  std::int32_t* draft_ids = nullptr;  // [S] at first + i, draft i + 1; -1: there is none
  DraftRow* judged = nullptr;         // [R]: first_logit_row is `first`; draft_count is written

  // Of the draft model, where there is one:
  FeedSlots draft_feed;                   // [2, D]: the token to go on from, and the one before it
  RowSampling* draft_sampling = nullptr;  // [N, D]: element (i - 1) * D + d is the draw of draft i
  const std::int32_t* drawn = nullptr;    // [N, D] what was drawn; negative: nothing

  // What ResolveDrafts found, for CommitDrafts.
  const std::int32_t* accepted_counts = nullptr;   // [R]
  const std::int32_t* tokens = nullptr;            // [R] what comes after them; negative: nothing
  const SampleDetail* details = nullptr;           // [R] of these
  const SampleDetail* proposed_details = nullptr;  // [S] of the drafts; raw_logprob is read of both
  TokenRing ring;                                  // of a step a row's words are from its first slot on
};

}  // namespace fllm
