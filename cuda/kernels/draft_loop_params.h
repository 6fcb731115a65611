// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "cuda/kernels/commit_params.h"
#include "cuda/kernels/draft_params.h"
#include "cuda/portable/draft_length.h"

// What a device needs to draft and to take over what was accepted by itself, step after step. Plain data, laid out the same on
// host and device. With R rows and at most N drafts of each, a step is: for i = 1 .. N the draft model over its inputs, SampleRow
// over its rows and ExtendDrafts, where some rows draft with it; ProposeDrafts, where some look up their texts or may be forced;
// then the model over [R, N + 1] inputs, SampleRow over as many rows, ResolveDrafts and CommitDrafts.
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
  std::int32_t reach = 0;  // the draft model reads positions below it; 0: the row has no drafts of it
  std::int32_t ngram = 0;  // tokens of the longest match that counts, [1, 16]; 0: the row does not look up its text
  std::int32_t wanted =
      0;                  // of the step that comes or runs; a row that wants more than there are in a step has finished
  std::int32_t open = 0;  // 1: the draft model is to draw one more
  std::int32_t most = 0;  // drafts of a step, [1, kMaxDraftTokens], the first ones its automaton's; 0: it gives none
  DraftCounts counts;     // of these, in the step that comes or runs
  std::int32_t state = -1;  // of the automata, behind the drafts so far
  DraftLength spelling;     // how many of these are guesses
};

struct DraftLoopParams {
  std::int32_t rows = 0;                  // R
  std::int32_t drafts = 0;                // N in [1, kMaxDraftTokens]
  std::int32_t index = 0;                 // of ExtendDrafts: i in [1, N], the draft that was just drawn
  ResidentRow* states = nullptr;          // [R]
  DraftingRow* drafting = nullptr;        // [R]
  const std::int32_t* end_ids = nullptr;  // flat, RowSampling::end_ids are ranges of it
  ByteAutomata automata;
  HistoryTable history;  // slot r * (N + 1) + i: of row r behind its i-th draft, where the row has one
  // Of ProposeDrafts: what may be drawn at all.
  std::int32_t vocab = 0;
  const std::uint32_t* allow_mask = nullptr;  // [mask rows, mask_words], as in SampleParams
  std::int64_t mask_words = 0;
  RowTexts texts;

  // Of the model; element r * (N + 1) + i: behind the i-th draft of row r, i = 0: behind what was drawn.
  FeedSlots feed;
  RowSampling* sampling = nullptr;  // [R, N + 1]; random.position: tokens of prompt, output and drafts before the draw
  std::int32_t* draft_ids = nullptr;  // [R, N + 1]: draft i + 1; -1: there is none
  DraftRow* judged = nullptr;         // [R]: first_logit_row is r * (N + 1); draft_count is written

  // Of the draft model; null: there is none.
  FeedSlots draft_feed;                   // [2, R]: the token to go on from, and the one before it
  RowSampling* draft_sampling = nullptr;  // [N, R]: element (i - 1) * R + r is the draw of draft i
  const std::int32_t* drawn = nullptr;    // [N, R] what was drawn; negative: nothing

  // What ResolveDrafts found, for CommitDrafts.
  const std::int32_t* accepted_counts = nullptr;   // [R]
  const std::int32_t* tokens = nullptr;            // [R] what comes after them; negative: nothing
  const SampleDetail* details = nullptr;           // [R] of these
  const SampleDetail* proposed_details = nullptr;  // [R, N + 1] of the drafts; raw_logprob is read of both
  TokenRing ring;                                  // row_words is N + 1
};

}  // namespace fllm
