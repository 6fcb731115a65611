// SPDX-License-Identifier: Apache-2.0
#include "host/engine/workspace.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace fllm {
namespace {

std::size_t longest(const StepCapacity& capacity) {
  return static_cast<std::size_t>(std::max(capacity.rows, capacity.context_length));
}

}  // namespace

Workspace::Workspace(Backend& backend, const ModelConfig& config, const StepCapacity& capacity)
    : forward(backend, config, static_cast<std::int32_t>(longest(capacity))),
      zeros(backend, longest(capacity)),
      ascending(backend, longest(capacity)),
      tokens(backend, longest(capacity)),
      positions(backend, capacity.row_count()),
      block_tables(backend, capacity.row_count() * static_cast<std::size_t>(capacity.blocks_per_row)),
      copy_source(backend, capacity.row_count()),
      copy_destination(backend, capacity.row_count()),
      logits(backend, capacity.row_count() * static_cast<std::size_t>(config.vocab_size)),
      sampling(backend, capacity.row_count()),
      masks(backend, capacity.row_count() * capacity.mask_words_per_row()),
      ids(backend, capacity.row_count() * capacity.ids_per_row()),
      bias(backend, capacity.row_count() * capacity.bias_per_row()),
      counts(backend, capacity.row_count() * capacity.counts_per_row()),
      scratch_stride(backend.sample_scratch_elements(capacity.vocab, 0)),
      drawn(backend, capacity.row_count()),
      details(backend, capacity.row_count()),
      top(backend, capacity.row_count() * kMaxTopEntries) {
  if (scratch_stride > 0) {
    scratch = DeviceArray<float>(backend, capacity.row_count() * static_cast<std::size_t>(scratch_stride));
  }
  std::vector<std::int32_t> values(longest(capacity), 0);
  zeros.upload(values);
  std::iota(values.begin(), values.end(), 0);
  ascending.upload(values);
}

}  // namespace fllm
