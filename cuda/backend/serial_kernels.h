// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "cuda/kernels/attention.h"
#include "cuda/kernels/beam_ancestors.h"
#include "cuda/kernels/beam_candidates.h"
#include "cuda/kernels/beam_select.h"
#include "cuda/kernels/commit_drafts.h"
#include "cuda/kernels/commit_rows.h"
#include "cuda/kernels/copy_blocks.h"
#include "cuda/kernels/embed.h"
#include "cuda/kernels/epilogue.h"
#include "cuda/kernels/extend_drafts.h"
#include "cuda/kernels/gather_rows.h"
#include "cuda/kernels/history_append.h"
#include "cuda/kernels/join_chunks.h"
#include "cuda/kernels/kv_append.h"
#include "cuda/kernels/layer_norm.h"
#include "cuda/kernels/panel_product.h"
#include "cuda/kernels/propose_drafts.h"
#include "cuda/kernels/quantize_rows.h"
#include "cuda/kernels/quantized_product.h"
#include "cuda/kernels/resolve_drafts.h"
#include "cuda/kernels/rms_norm.h"
#include "cuda/kernels/rope.h"
#include "cuda/kernels/sample_row.h"
#include "cuda/kernels/shard_row.h"
#include "cuda/kernels/swiglu.h"

// The kernels of the CPU, compiled once per instruction set. Each serial_<set>.cpp exports one function that returns a
// table of function pointers, and nothing else (scripts/check_isa_symbols): a function shared between those objects could
// carry instructions the machine lacks.
namespace fllm {

/// Part of a grid.
struct BlockRange {
  std::int32_t begin = 0;
  std::int32_t end = 0;
  std::int32_t grid = 0;
};

/// Memory of the thread that runs blocks, 64-byte aligned; contents unspecified.
struct SerialScratch {
  void* shared = nullptr;   // kSerialSharedBytes
  void* dynamic = nullptr;  // LaunchShape::dynamic_shared_bytes
};

template <class Kernel>
struct SerialEntry {
  void (*run)(const typename Kernel::Params& params, BlockRange range, const SerialScratch& scratch) = nullptr;
};

template <class... Kernels>
struct SerialTable : SerialEntry<Kernels>... {
  const char* isa = nullptr;

  template <class Kernel>
  [[nodiscard]] const SerialEntry<Kernel>& entry() const {
    return *this;
  }
  /// This table with the entries of another, and its name.
  template <class... Others>
  [[nodiscard]] SerialTable with(const SerialTable<Others...>& other) const {
    SerialTable table = *this;
    ((static_cast<SerialEntry<Others>&>(table) = other.template entry<Others>()), ...);
    table.isa = other.isa;
    return table;
  }
  static constexpr std::size_t shared_bytes() {
    std::size_t most = 1;
    ((most = sizeof(typename Kernels::Shared) > most ? sizeof(typename Kernels::Shared) : most), ...);
    return most;
  }
};

/// The kernels that gain from dot products of bytes, which some machines have beside their set.
using QuantizedKernels = SerialTable<QuantizedProduct<BlockQ4_0>,  //
                                     QuantizedProduct<BlockQ4_1>,  //
                                     QuantizedProduct<BlockQ5_0>,  //
                                     QuantizedProduct<BlockQ5_1>,  //
                                     QuantizedProduct<BlockQ8_0>,  //
                                     QuantizedProduct<BlockQ4_K>,  //
                                     QuantizedProduct<BlockQ6_K>>;

template <class... First, class... Second>
SerialTable<First..., Second...> joined(const SerialTable<First...>&, const SerialTable<Second...>&);  // a type only

/// Every kernel the CPU runs, one line each.
using SerialKernels = decltype(joined(SerialTable<Embed,                  //
                                                  RmsNorm,                //
                                                  LayerNorm,              //
                                                  Rope,                   //
                                                  SwiGlu,                 //
                                                  KvAppend,               //
                                                  Attention,              //
                                                  JoinChunks,             //
                                                  EpilogueKernel,         //
                                                  GatherRows,             //
                                                  CopyBlocks,             //
                                                  PanelProduct,           //
                                                  QuantizeRows,           //
                                                  HistoryAppend,          //
                                                  CommitRows,             //
                                                  SampleRow<float>,       //
                                                  SampleRow<Half>,        //
                                                  SampleRow<BFloat16>,    //
                                                  ShardRow<float>,        //
                                                  ShardRow<Half>,         //
                                                  ShardRow<BFloat16>,     //
                                                  ResolveDrafts<float>,   //
                                                  ExtendDrafts,           //
                                                  ProposeDrafts,          //
                                                  CommitDrafts,           //
                                                  BeamCandidates<float>,  //
                                                  BeamSelect,             //
                                                  BeamAncestors>{},
                                      QuantizedKernels{}));

constexpr std::size_t kSerialSharedBytes = SerialKernels::shared_bytes();

}  // namespace fllm
