// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/attention_params.h"
#include "cuda/kernels/beam_params.h"
#include "cuda/kernels/commit_params.h"
#include "cuda/kernels/draft_loop_params.h"
#include "cuda/kernels/draft_params.h"
#include "cuda/kernels/history_params.h"
#include "cuda/kernels/model_params.h"
#include "cuda/kernels/panel_product.h"
#include "cuda/kernels/quantized_params.h"
#include "cuda/kernels/sample_params.h"
#include "cuda/kernels/shard_params.h"
#include "cuda/kernels/swiglu.h"

// Rough time of one block on one core of some 3 GHz, in nanoseconds. It decides only how many threads share a launch:
// handing work to a thread that spins and waiting for it costs 0.3 us. Never a result.
namespace fllm {

constexpr double kNanosecondsPerThread = 2000;  // least work worth a thread of its own

constexpr double block_nanoseconds(const EmbedParams& p) { return 10 + 0.05 * p.out.cols; }
constexpr double block_nanoseconds(const RmsNormParams& p) { return 20 + 0.08 * p.out.cols; }
constexpr double block_nanoseconds(const LayerNormParams& p) { return 20 + 0.15 * p.out.cols; }
constexpr double block_nanoseconds(const RopeParams& p) { return 10 + 0.5 * p.heads * p.angles.cols; }
constexpr double block_nanoseconds(const SwiGluParams& p) {
  return 10 + 0.5 * (p.out.cols < SwiGlu::kPartColumns ? p.out.cols : SwiGlu::kPartColumns);
}
constexpr double block_nanoseconds(const KvAppendParams& p) { return 10 + 0.1 * p.layer.width; }
constexpr double block_nanoseconds(const AttentionParams& p) {
  return p.spread.heads * (100 + 10.0 * p.head_dim);
}  // context of about 100
constexpr double block_nanoseconds(const EpilogueParams& p) { return 10 + 0.3 * p.out.cols; }
constexpr double block_nanoseconds(const GatherRowsParams& p) { return 10 + 0.05 * p.out.cols; }
constexpr double block_nanoseconds(const CopyBlocksParams& p) { return 10 + 2.0 * p.layer.width; }
constexpr double block_nanoseconds(const PanelProductParams& p) {
  const std::int32_t rows = p.out.rows < PanelProduct::kGroupRows ? p.out.rows : PanelProduct::kGroupRows;
  return p.x.cols * (8.0 + 0.7 * rows);  // a panel comes at some 30 GB/s, then 90 multiply-adds a nanosecond
}
constexpr double block_nanoseconds(const QuantizeRowsParams& p) { return 10 + 0.2 * p.x.cols; }
constexpr double block_nanoseconds(const QuantizedProductParams& p) {
  const std::int32_t rows = p.out.rows < kQuantizedGroupRows ? p.out.rows : kQuantizedGroupRows;
  return p.x.cols * (16.0 + 3.0 * rows);  // columns of 32: a panel's bytes come at some 20 GB/s
}
constexpr double block_nanoseconds(const HistoryAppendParams& p) {
  return p.offsets == nullptr ? 100 : 10000;  // a history of some hundred ids; a prompt has as many to append
}
constexpr double block_nanoseconds(const CommitRowsParams& p) {
  return 20.0 * (p.rows < 128 ? p.rows : 128);  // a block has 128 rows
}
constexpr double block_nanoseconds(const DraftLoopParams&) { return 300; }  // a history of some hundred ids
constexpr double block_nanoseconds(const SampleParams& p) { return 500 + 0.5 * p.vocab; }
constexpr double block_nanoseconds(const BeamCandidatesParams& p) { return block_nanoseconds(p.sample); }
constexpr double block_nanoseconds(const BeamParams& p) { return 500.0 + 20.0 * p.candidate_limit; }
constexpr double block_nanoseconds(const ResolveDraftsParams& p) { return 500 + 2.0 * p.target.vocab; }  // a row again
constexpr double block_nanoseconds(const ShardParams& p) { return block_nanoseconds(p.sample); }

}  // namespace fllm
