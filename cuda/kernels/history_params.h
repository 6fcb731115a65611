// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "cuda/kernels/sample_params.h"

namespace fllm {

/// Tokens that join the histories of their slots. Ids outside [0, vocab) are passed over.
struct HistoryAppendParams {
  HistoryTable history;
  const std::int32_t* ids = nullptr;          // flat
  const std::int32_t* offsets = nullptr;      // [rows + 1] into ids; null: one id a row
  const std::int32_t* slots = nullptr;        // [rows], none twice; null: row i has slot i
  const std::int32_t* are_outputs = nullptr;  // [rows] 0: of a prompt, which counts for the repetition penalty alone
  std::uint32_t* status = nullptr;            // [rows] kSampleFull or kSampleOk; or null
  std::int32_t rows = 0;
  std::int32_t vocab = 0;
};

}  // namespace fllm
