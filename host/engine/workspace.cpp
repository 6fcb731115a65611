// SPDX-License-Identifier: Apache-2.0
#include "host/engine/workspace.h"

#include <vector>

namespace fllm {

Workspace::Workspace(Backend& backend, const ModelConfig& config, const StepCapacity& capacity)
    : forward(backend, config, capacity.tokens()),
      tokens(backend, static_cast<std::size_t>(capacity.rows + capacity.tokens())),
      positions(backend, static_cast<std::size_t>(capacity.rows + capacity.tokens())),
      token_rows(backend, static_cast<std::size_t>(capacity.rows + capacity.tokens())),
      logit_tokens(backend, capacity.logit_row_count()),
      block_tables(backend, (capacity.row_count() + static_cast<std::size_t>(capacity.filler_blocks)) *
                                static_cast<std::size_t>(capacity.blocks_per_row)),
      copy_source(backend, capacity.row_count()),
      copy_destination(backend, capacity.row_count()),
      logits(backend, capacity.logit_row_count() * static_cast<std::size_t>(config.vocab_size)),
      sampling(backend, capacity.logit_row_count()),
      masks(backend, capacity.logit_row_count() * capacity.mask_words_per_row()),
      ids(backend, capacity.row_count() * capacity.ids_per_row()),
      bias(backend, capacity.row_count() * capacity.bias_per_row()),
      counts(backend, capacity.logit_row_count() * capacity.counts_per_row()),
      scratch_stride(backend.sample_scratch_elements(capacity.vocab, 0)),
      drawn(backend, capacity.logit_row_count()),
      details(backend, capacity.logit_row_count()),
      top(backend, capacity.logit_row_count() * kMaxTopEntries) {
  if (scratch_stride > 0) {
    scratch = DeviceArray<float>(backend, capacity.logit_row_count() * static_cast<std::size_t>(scratch_stride));
  }
}

void Workspace::upload_filler_tables(const StepCapacity& capacity, std::int32_t first_block) {
  const auto stride = static_cast<std::size_t>(capacity.blocks_per_row);
  std::vector<std::int32_t> tables(static_cast<std::size_t>(capacity.filler_blocks) * stride, 0);
  for (std::size_t i = 0; i * stride < tables.size(); ++i)
    tables[i * stride] = first_block + static_cast<std::int32_t>(i);
  block_tables.upload(tables, capacity.row_count() * stride);
}

}  // namespace fllm
