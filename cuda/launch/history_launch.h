// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/history_append.h"
#include "cuda/launch/check_params.h"

namespace fllm {

/// One launch for all rows.
template <class Executor>
void append_histories(Executor& executor, const HistoryAppendParams& p) {
  const ParamsCheck check("history_append");
  check.at_least("rows", p.rows, 0);
  check.at_least("vocab", p.vocab, 1);
  check.at_least("history capacity", p.history.capacity, 1);
  check.at_least("history slot_count", p.history.slot_count, 1);
  check.given("history entries or sizes", p.history.entries != nullptr && p.history.sizes != nullptr, p.rows);
  check.given("ids", p.ids != nullptr, p.rows);
  executor.template launch<HistoryAppend>(HistoryAppend::shape(p), p);
}

}  // namespace fllm
