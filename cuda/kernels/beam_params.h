// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "cuda/kernels/automaton_params.h"
#include "cuda/kernels/sample_params.h"

// What beam search keeps on the device, and what its three kernels read and write. Plain data, laid out the same on host and
// device. What the search finds is stated in docs/beam_search.md.
namespace fllm {

constexpr std::int32_t kMaxBeamWidth = 1024;
constexpr std::int32_t kMaxBeamCandidates = 8192;  // of a step and search
constexpr std::int32_t kBeamRankBuckets = 1024;
constexpr std::int32_t kMaxSmallBeamWidth = 256;  // whose slots are named by a byte

/// When a search ends, besides at the longest length and where no beam lives.
enum class BeamStop : std::uint8_t {
  kExact,       // no live beam can still get into the full pool, whatever follows
  kFirstK,      // the pool is full
  kHeuristic,   // the best live beam, ended as it is, would not get into the full pool
  kNeverEarly,  // not before
  kLeader,      // the first candidate of some step so far has ended, and the pool holds stop_count
};

enum class BeamEnd : std::uint8_t {
  kNone,
  kEndToken,
  kStopString,
  kLength,
  kWhole,  // in a state that ends the text by itself
};

/// A search's constants.
struct BeamRules {
  std::int32_t width = 1;            // K, live beams and finished hypotheses kept: [1, kMaxBeamWidth]
  std::int32_t candidate_count = 1;  // C, continuations looked at in a step: [K, kMaxBeamCandidates]
  std::int32_t group_count = 1;      // divides K; a group has its share of the beams, the candidates and the pool
  float diversity_penalty = 0;       // >= 0, off a candidate's rank for each beam of an earlier group with its token
  std::int32_t max_length = 1;       // generated tokens, the end token included
  std::int32_t first_norm = 0;       // of BeamParams::length_norms: length n has first_norm + n, 0 <= n <= max_length
  BeamStop stop = BeamStop::kExact;
  std::int32_t stop_count = 1;           // with kLeader: [1, K]
  std::uint8_t edits_after_softmax = 0;  // 1: edits change log-probabilities, which are not normalised again
  std::uint8_t sampled = 0;              // 1: candidates are drawn, without replacement
  std::int32_t first_row = 0;            // of the launch: beam k has first_row + k
  std::int32_t first_slot = -1;   // of histories: beam k has first_slot + k and first_slot + K + k by turns; -1: none
  std::int32_t prompt_count = 1;  // tokens of the prompt
  std::int32_t min_tokens = 0;    // generated before anything but the text's own state or its length may end a beam
  std::int32_t mask_start = -1;  // state of ByteAutomata a beam begins with, whose mask rows allow its tokens; -1: none
  std::int32_t stop_start = -1;  // the same, ending a beam where a state behind any byte of its token accepts; -1: none
};

/// A hypothesis that has ended: the token that ended it, behind a beam. No copy of its tokens.
struct BeamHypothesis {
  float score = 0;          // cum / norm of its length
  float cum = 0;            // sum of log-probabilities, binary32, added in the order of the tokens
  float logprob = 0;        // of its last token
  std::int32_t token = 0;   // its last token
  std::int32_t beam = 0;    // slot of the beam it goes on from, as the beams were before its step
  std::int32_t length = 0;  // generated tokens, this one included: it ended in step length - 1
  BeamEnd end = BeamEnd::kNone;
};

/// What changes of a search.
struct BeamState {
  std::int32_t step = 0;          // tokens each live beam has
  std::int32_t live_count = 1;    // live beams: the first slots of each group; in the first step its slot 0 alone
  std::int32_t pool_count = 0;    // finished hypotheses, the first places of each group's share of the pool
  std::int32_t frozen = 0;        // in columns [0, frozen) of the ancestors all slots agree, live or not
  std::int32_t agreed = 0;        // first tokens that all live beams have in common
  std::int32_t proven = 0;        // the result's first tokens, whatever follows: they may be shown
  std::int32_t done = 0;          // 1: the search is over, kernels leave it alone
  std::int32_t leader_ended = 0;  // 1: the first candidate of some step has ended
};

/// A search, in device memory. Step t is the one that gives each live beam its token t; slot k of it is beam k behind it. In
/// step 0 the first beam of each group goes on from the logits, the RowSampling and the history of the first one, but for its
/// random numbers, and what the arrays hold is not read.
struct BeamSearch {
  BeamRules rules;
  BeamState state;
  float* cum = nullptr;                   // [K]; -inf where no beam lives
  std::int32_t* mask_states = nullptr;    // [K]; null without mask_start
  std::int32_t* stop_states = nullptr;    // [K]; null without stop_start
  std::int32_t* tokens = nullptr;         // [max_length, K], appended to
  std::uint16_t* parents = nullptr;       // [max_length, K], appended to: slot in the step before
  float* logprobs = nullptr;              // [max_length, K], appended to
  void* ancestors = nullptr;              // [max_length, K]: the slot in step t of what is now beam k; a byte where
                                          // K <= kMaxSmallBeamWidth, else two
  BeamHypothesis* pool = nullptr;         // [K], of each group its share, best first; end is kNone where there is none
  std::uint32_t* news = nullptr;          // [2], memory the host sees: proven tokens * 2 + done; steps
  std::int32_t* proven_tokens = nullptr;  // [max_length], memory the host sees, or null
};

/// A row's continuation.
struct BeamCandidate {
  float rank;     // cum + log-probability, with noise where candidates are drawn
  float logprob;  // what is added to cum
  std::int32_t id;
};

constexpr std::uint16_t kNoBeam = 0xffff;  // in BeamSearch::parents: no beam lives in the slot

/// The continuations each row of a search lists: later groups may find as many of the best ones taken as other groups have beams.
FLLM_HOST_DEVICE std::int32_t beam_row_candidates(const BeamRules& rules) {
  if (rules.group_count <= 1) return rules.candidate_count;
  const std::int32_t group_width = rules.width / rules.group_count;
  return rules.candidate_count / rules.group_count + rules.width - group_width;
}

/// Room for a row's list with which one look at the row nearly always suffices: a bound that is found quickly is passed by some
/// more than are needed.
FLLM_HOST_DEVICE std::int32_t beam_list_room(const BeamRules& rules) { return 2 * beam_row_candidates(rules) + 64; }

struct BeamParams {
  BeamSearch* searches = nullptr;  // [search_count]
  std::int32_t search_count = 0;
  std::int32_t rows = 0;
  const std::int32_t* row_searches = nullptr;  // [rows]: the search of each row
  const float* length_norms = nullptr;         // flat; > 0
  ByteAutomata automata;
  // Between BeamCandidates and BeamSelect:
  BeamCandidate* candidates = nullptr;       // [rows, candidate_stride]
  std::int32_t* candidate_counts = nullptr;  // [rows]
  std::int32_t candidate_stride = 0;         // >= beam_row_candidates of every search, or vocab; better beam_list_room
  std::int32_t candidate_limit = 0;          // the largest candidate_count of the searches; more is left out
  std::uint32_t* rank_counts = nullptr;      // [search_count, kBeamRankBuckets], 0 outside of a step; null: none
  // What the next step reads. The host sets sampling before the first one, alike in all rows of a search (generated 0) but
  // for random.sample, by which beams that draw differ.
  RowSampling* sampling =
      nullptr;  // [rows]: generated, min_tokens, random.position, mask_row, history_slot are advanced
  std::int32_t* tokens = nullptr;     // [rows]
  std::int32_t* positions = nullptr;  // [rows]
  HistoryTable history;
  std::int32_t vocab = 0;
  const std::int32_t* end_ids = nullptr;  // flat: RowSampling::end_ids are ranges of it
};

/// BeamCandidates: the rows' logits and edits, and where their best continuations go. sample.sampling is beam.sampling.
struct BeamCandidatesParams {
  SampleParams sample;
  BeamParams beam;
};

}  // namespace fllm
