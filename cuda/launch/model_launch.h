// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/attention.h"
#include "cuda/kernels/copy_blocks.h"
#include "cuda/kernels/embed.h"
#include "cuda/kernels/epilogue.h"
#include "cuda/kernels/gather_rows.h"
#include "cuda/kernels/kv_append.h"
#include "cuda/kernels/rms_norm.h"
#include "cuda/launch/check_params.h"

// One launch each: check what the host can see, choose the shape, launch. Values in device memory (token ids, positions,
// block numbers) are the caller's to keep in range.
namespace fllm {

template <class Executor>
void embed_rows(Executor& executor, const EmbedParams& p) {
  const ParamsCheck check("embed");
  check.rows("out", p.out);
  check.equal("table columns", p.table.cols, "out columns", p.out.cols);
  check.equal("position table columns", p.position_table.cols, "out columns", p.out.cols);
  check.given("tokens", p.tokens != nullptr && p.positions != nullptr, p.out.rows);
  executor.template launch<Embed>(Embed::shape(p), p);
}

template <class Executor>
void normalise_rows(Executor& executor, const RmsNormParams& p) {
  const ParamsCheck check("rms_norm");
  check.rows("x", p.x);
  check.same_size("x", p.x, "out", p.out);
  check.given("weight", p.weight != nullptr, p.out.rows);
  executor.template launch<RmsNorm>(RmsNorm::shape(p), p);
}

template <class Executor>
void append_keys_values(Executor& executor, const KvAppendParams& p) {
  const ParamsCheck check("kv_append");
  check.rows("qkv", p.qkv);
  check.equal("qkv columns", p.qkv.cols, "3 * cache width", 3 * std::int64_t{p.layer.width});
  check.given("positions or block tables", p.positions != nullptr && p.blocks.table != nullptr, p.qkv.rows);
  executor.template launch<KvAppend>(KvAppend::shape(p), p);
}

template <class Executor>
void attend(Executor& executor, const AttentionParams& p) {
  const ParamsCheck check("attention");
  check.rows("out", p.out);
  check.equal("qkv rows", p.qkv.rows, "out rows", p.out.rows);
  check.equal("heads * head_dim", std::int64_t{p.heads} * p.head_dim, "out columns", p.out.cols);
  check.equal("cache width", p.layer.width, "out columns", p.out.cols);
  check.equal("qkv columns", p.qkv.cols, "3 * out columns", 3 * std::int64_t{p.out.cols});
  check.given("positions or block tables", p.positions != nullptr && p.blocks.table != nullptr, p.out.rows);
  executor.template launch<Attention>(Attention::shape(p), p);
}

template <class Executor>
void finish_product(Executor& executor, const EpilogueParams& p) {
  const ParamsCheck check("epilogue");
  check.rows("y", p.y);
  check.same_size("y", p.y, "out", p.out);
  executor.template launch<EpilogueKernel>(EpilogueKernel::shape(p), p);
}

template <class Executor>
void pick_rows(Executor& executor, const GatherRowsParams& p) {
  const ParamsCheck check("gather_rows");
  check.rows("out", p.out);
  check.equal("x columns", p.x.cols, "out columns", p.out.cols);
  check.given("rows", p.rows != nullptr, p.out.rows);
  executor.template launch<GatherRows>(GatherRows::shape(p), p);
}

template <class Executor>
void duplicate_blocks(Executor& executor, const CopyBlocksParams& p) {
  const ParamsCheck check("copy_blocks");
  check.at_least("count", p.count, 0);
  check.at_least("tokens", p.tokens, 0);
  check.at_most("tokens", p.tokens, kKvBlockTokens);
  check.given("source or destination", p.source != nullptr && p.destination != nullptr, p.count);
  executor.template launch<CopyBlocks>(CopyBlocks::shape(p), p);
}

}  // namespace fllm
