// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/commit_rows.h"
#include "cuda/launch/check_automata.h"

namespace fllm {

/// One launch for all rows. The values in device memory are the caller's to keep in range, the slots above all.
template <class Executor>
void take_tokens(Executor& executor, const CommitRowsParams& p) {
  const ParamsCheck check("commit_rows");
  check.at_least("rows", p.rows, 0);
  check.at_least("ring depth", p.ring.depth, 1);
  check.at_least("ring stride", p.ring.stride, p.rows);
  check.given("drawn or details", p.drawn != nullptr && p.details != nullptr, p.rows);
  check.given("end_ids", p.end_ids != nullptr, p.rows);
  check.given("sampling or states", p.sampling != nullptr && p.states != nullptr, p.rows);
  check.given("tokens or positions", p.tokens != nullptr && p.positions != nullptr, p.rows);
  check.given("ring words or sums", p.ring.words != nullptr && p.ring.final_sums != nullptr && p.ring.sums != nullptr,
              p.rows);
  check_automata(check, p.automata);
  executor.template launch<CommitRows>(CommitRows::shape(p), p);
}

}  // namespace fllm
