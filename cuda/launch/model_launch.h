// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/attention.h"
#include "cuda/kernels/attention/spread.h"
#include "cuda/kernels/copy_blocks.h"
#include "cuda/kernels/embed.h"
#include "cuda/kernels/epilogue.h"
#include "cuda/kernels/gather_rows.h"
#include "cuda/kernels/join_chunks.h"
#include "cuda/kernels/kv_append.h"
#include "cuda/kernels/layer_norm.h"
#include "cuda/kernels/rms_norm.h"
#include "cuda/kernels/rope.h"
#include "cuda/kernels/swiglu.h"
#include "cuda/launch/check_params.h"

// One launch each: check what the host can see, choose the shape, launch. Values in device memory (token ids, positions,
// block numbers) are the caller's to keep in range.
namespace fllm {

template <class Executor>
void embed_rows(Executor& executor, const EmbedParams& p) {
  const ParamsCheck check("embed");
  check.rows("out", p.out);
  check.equal("table columns", p.table.cols, "out columns", p.out.cols);
  check.given("tokens", p.tokens != nullptr, p.out.rows);
  if (p.position_table.data != nullptr) {
    check.equal("position table columns", p.position_table.cols, "out columns", p.out.cols);
    check.given("positions", p.positions != nullptr, p.out.rows);
  }
  executor.template launch<Embed>(Embed::shape(p), p);
}

/// Norm: RmsNorm or LayerNorm.
template <class Norm, class Executor>
void normalise_rows(Executor& executor, const char* operation, const typename Norm::Params& p) {
  const ParamsCheck check(operation);
  check.rows("x", p.x);
  check.same_size("x", p.x, "out", p.out);
  check.given("weight", p.weight != nullptr, p.out.rows);
  if constexpr (requires { p.bias; }) check.given("bias", p.bias != nullptr, p.out.rows);
  executor.template launch<Norm>(Norm::shape(p), p);
}

template <class Executor>
void turn_heads(Executor& executor, const RopeParams& p) {
  const ParamsCheck check("rope");
  check.rows("x", p.x);
  check.rows("angles", p.angles);
  check.multiple("angle columns", p.angles.cols, 2);
  check.at_least("heads", p.heads, 1);
  check.at_least("head_dim", p.head_dim, p.angles.cols);
  check.at_most("heads * head_dim", std::int64_t{p.heads} * p.head_dim, p.x.cols);
  check.given("positions or angles", p.positions != nullptr && p.angles.data != nullptr, p.x.rows);
  executor.template launch<Rope>(Rope::shape(p), p);
}

template <class Executor>
void gate_rows(Executor& executor, const SwiGluParams& p) {
  const ParamsCheck check("swiglu");
  check.rows("gate_up", p.gate_up);
  check.rows("out", p.out);
  check.equal("gate_up rows", p.gate_up.rows, "out rows", p.out.rows);
  check.equal("gate_up columns", p.gate_up.cols, "2 * out columns", 2 * std::int64_t{p.out.cols});
  executor.template launch<SwiGlu>(SwiGlu::shape(p), p);
}

template <class Executor>
void append_keys_values(Executor& executor, const KvAppendParams& p) {
  const ParamsCheck check("kv_append");
  check.rows("qkv", p.qkv);
  check.at_least("cache width", p.layer.width, 1);
  check.at_least("query columns", p.qkv.cols - 2 * std::int64_t{p.layer.width}, p.layer.width);
  check.multiple("query columns", p.qkv.cols - 2 * std::int64_t{p.layer.width}, p.layer.width);
  check.given("positions or block tables", p.positions != nullptr && p.blocks.table != nullptr, p.qkv.rows);
  executor.template launch<KvAppend>(KvAppend::shape(p), p);
}

template <class Executor>
void attend(Executor& executor, const AttentionParams& p) {
  const ParamsCheck check("attention");
  check.rows("out", p.out);
  check.equal("qkv rows", p.qkv.rows, "out rows", p.out.rows);
  check.equal("heads * head_dim", std::int64_t{p.heads} * p.head_dim, "out columns", p.out.cols);
  check.at_least("heads", p.heads, 1);
  check.at_least("cache width", p.layer.width, 1);
  check.multiple("cache width", p.layer.width, p.head_dim);
  check.multiple("out columns", p.out.cols, p.layer.width);
  check.equal("qkv columns", p.qkv.cols, "out columns + 2 * cache width", p.out.cols + 2 * std::int64_t{p.layer.width});
  check.given("positions or block tables", p.positions != nullptr && p.blocks.table != nullptr, p.out.rows);
  check.at_most("head_dim", p.head_dim, attention::kMaxHeadDim);
  const LaunchTarget target = executor.target();
  const AttentionParams chosen = attention::with_spread(p, target);
  check.at_least("spread rows", chosen.spread.rows, 1);
  check.at_least("spread heads", chosen.spread.heads, 1);
  check.at_most("spread rows * heads", std::int64_t{chosen.spread.rows} * chosen.spread.heads,
                attention::most_queries(p.head_dim));
  const bool in_memory = chosen.chunks.data != nullptr;
  if (in_memory) {
    check.rows("chunks", chosen.chunks);
    check.at_least("chunk rows", chosen.chunks.rows, chosen.out.rows);
    check.at_least("chunk columns", chosen.chunks.cols, attention_chunk_columns(p.heads, p.head_dim));
  }
  if (chosen.spread.parts != 1) {
    check.equal("spread parts", chosen.spread.parts, "chunks", kAttentionChunks);
    if (!in_memory) check.at_most("spread parts without memory for chunks", chosen.spread.parts, target.max_cluster);
  }
  executor.template launch<Attention>(Attention::shape(chosen), chosen);
  if (in_memory) executor.template launch<JoinChunks>(JoinChunks::shape(chosen), chosen);
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
