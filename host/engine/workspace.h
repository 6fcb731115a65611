// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "cuda/backend/backend.h"
#include "host/engine/batch.h"
#include "host/model/forward.h"
#include "host/model/model.h"

namespace fllm {

/// Every buffer of a step on the device, sized once.
struct Workspace {
  Workspace(Backend& backend, const ModelConfig& config, const StepCapacity& capacity);

  /// Rows of the block tables behind those of the rows; fillers look at their first entry alone. first_block: the first of the
  /// spare blocks of the cache.
  void upload_filler_tables(const StepCapacity& capacity, std::int32_t first_block);

  ForwardWorkspace forward;
  DeviceArray<std::int32_t> tokens, positions,
      token_rows;                          // [rows + fed tokens]: those of beams first, and room behind
                                           // them for all fillers there are
  DeviceArray<std::int32_t> logit_tokens;  // [logit rows]
  DeviceArray<std::int32_t> block_tables;  // [rows + filler blocks, blocks_per_row]
  DeviceArray<std::int32_t> copy_source, copy_destination;  // [rows]: blocks
  DeviceArray<float> logits;                                // [logit rows, model vocab]
  DeviceArray<RowSampling> sampling;                        // [logit rows]
  DeviceArray<std::uint32_t> masks;
  DeviceArray<std::int32_t> ids;
  DeviceArray<BiasEntry> bias;
  DeviceArray<CountEntry> counts;
  DeviceArray<float> scratch;  // [logit rows, scratch_stride]
  std::int64_t scratch_stride = 0;
  DeviceArray<std::int32_t> drawn;    // [logit rows]
  DeviceArray<SampleDetail> details;  // [logit rows]
  DeviceArray<TopEntry> top;          // [logit rows, kMaxTopEntries]
};

}  // namespace fllm
