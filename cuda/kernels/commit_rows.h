// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/cta/cta_concept.h"
#include "cuda/kernels/take_token.h"
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
      p.states[row].slot = slot_after(p.ring, p.states[row].slot);
      cta.publish(p.ring.words + word, news);  // behind the row's final sum
    }
  }

 private:
  /// Of a row that had not finished; its word.
  static FLLM_DEVICE std::uint32_t commit(const Params& p, std::int32_t row, double& sum) {
    ResidentRow& state = p.states[row];
    const std::int32_t token = p.drawn[row];
    const TakenToken taken =
        take_token(p.automata, p.end_ids, state, p.sampling[row], token, p.details[row].raw_logprob);
    sum = taken.sum;
    if (taken.ends) {
      p.ring.final_sums[row] = taken.sum;
    } else {
      p.tokens[row] = token;
      p.positions[row] += 1;
    }
    return token_word(token, taken.ends);
  }
};

}  // namespace fllm
