// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/cta/cta_concept.h"
#include "cuda/kernels/automaton_walk.h"
#include "cuda/kernels/commit_params.h"
#include "cuda/launch/launch_shape.h"

namespace fllm {

/// Takes the tokens a step has drawn: which rows end with theirs, what the others feed to the model next and may draw then,
/// and the news for the host.
///
/// Grid: a thread per row, which owns the row's state and its words; nothing passes between threads, so the blocks need no
/// order and there is no barrier.
/// Bytes: some 200 read and written per row, and of a row with a state 5 read for each byte of its token and a dozen more; 4
/// to the host, and 8 more when the row finishes.
/// Determinism: integers, and one binary64 addition per token in the order they are drawn.
/// Degenerate rows: a finished row changes nothing but its slot and tells the host so; a row without a token finishes; a row
/// whose state is none there is, or leads to none, keeps its mask row and has no state from then on.
struct CommitRows {
  using Params = CommitRowsParams;
  struct Shared {};
  static constexpr std::int32_t kBlockRows = 128;

  static LaunchShape shape(const Params& p) { return {(p.rows + kBlockRows - 1) / kBlockRows, kBlockRows, 0}; }

  template <Cta C>
  FLLM_DEVICE void operator()(C& cta, Shared&, const Params& p) const {
    const std::int32_t first = cta.block_index() * kBlockRows;
    const std::int32_t last = p.rows - first < kBlockRows ? p.rows : first + kBlockRows;
    for (std::int32_t row = first + cta.thread_index(); row < last; row += cta.thread_count()) {
      const std::int64_t word = std::int64_t{p.states[row].slot} * p.ring.stride + row;
      const std::uint32_t news = p.states[row].finished != 0 ? kIdleWord : commit(p, row, p.ring.sums[word]);
      const std::int32_t next = p.states[row].slot + 1;
      p.states[row].slot = next < p.ring.depth ? next : 0;
      cta.publish(p.ring.words + word, news);  // behind the row's final sum
    }
  }

 private:
  static FLLM_DEVICE bool among(const std::int32_t* ids, TableRange range, std::int32_t id) {
    bool found = false;
    for (std::int32_t i = range.begin; i < range.end; ++i) found = found || ids[i] == id;
    return found;
  }

  /// Of a row that had not finished; its word.
  static FLLM_DEVICE std::uint32_t commit(const Params& p, std::int32_t row, double& sum) {
    ResidentRow& state = p.states[row];
    RowSampling& sampling = p.sampling[row];
    const std::int32_t token = p.drawn[row];
    bool ends = token < 0;
    std::int32_t text = checked_state(p.automata, state.state);
    if (token >= 0) {
      state.sum_logprob += static_cast<double>(p.details[row].raw_logprob);
      const auto token_count = static_cast<std::int32_t>(sampling.random.position) + 1;
      const bool may_end =
          sampling.generated >= sampling.min_tokens && (flags_of(p.automata, text) & kStateSpells) == 0;
      ends = (may_end && among(p.end_ids, sampling.end_ids, token)) || token_count >= state.token_limit;
      if (!ends) {
        text = walk(p.automata, text, token).state;
        ends = (flags_of(p.automata, text) & kStateEnds) != 0;
      }
    }
    sum = state.sum_logprob;
    if (ends) {
      state.finished = 1;
      p.ring.final_sums[row] = state.sum_logprob;
    } else {
      sampling.generated += 1;
      sampling.random.position += 1;
      p.tokens[row] = token;
      p.positions[row] += 1;
      state.state = text;
      if (text >= 0) {
        sampling.mask_row = p.automata.mask_rows[text];
        sampling.min_tokens = (flags_of(p.automata, text) & kStateFreesEnds) != 0 ? 0 : state.min_tokens;
      }
    }
    return token_word(token, ends);
  }
};

}  // namespace fllm
