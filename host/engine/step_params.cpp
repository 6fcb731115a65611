// SPDX-License-Identifier: Apache-2.0
#include <cstdint>

#include "host/engine/engine.h"

// Where the operations of a step find what they read and put what they write.
namespace fllm {

/// What every row's logits and edits lie in, whoever goes on from them.
SampleParams Engine::edits_of(std::int32_t first, std::int32_t rows) const {
  const RowView<float> view = logits(first, rows);
  SampleParams params;
  params.logits = view.data;
  params.stride = view.stride;
  params.rows = view.rows;
  params.vocab = capacity_.vocab;
  params.mask_words = static_cast<std::int64_t>(capacity_.mask_words_per_row());
  params.ban_ids = workspace_.ids.data();
  params.bias = workspace_.bias.data();
  params.counts = workspace_.counts.data();
  params.scratch = workspace_.scratch.data();
  params.scratch_stride = workspace_.scratch_stride;
  return params;
}

SampleParams Engine::sample_params(std::int32_t first, std::int32_t rows) const {
  SampleParams params = edits_of(first, rows);
  params.sampling = workspace_.sampling.data();
  params.allow_mask = workspace_.masks.data();
  params.tokens = workspace_.drawn.data();
  params.details = workspace_.details.data();
  params.top_count = batch_.top_count;
  if (batch_.top_count > 0) params.top = workspace_.top.data();
  return params;
}

RowView<float> Engine::logits(std::int32_t first, std::int32_t rows) const {
  const std::int32_t vocab = model_->config.vocab_size;
  return {workspace_.logits.data() + std::int64_t{first} * vocab, rows, vocab, vocab};
}

BlockTables Engine::block_tables() const {
  BlockTables tables{workspace_.block_tables.data(), capacity_.blocks_per_row, workspace_.token_rows.data()};
  tables.paths = beams_.paths();
  tables.path_count = beams_.row_count();
  return tables;
}

}  // namespace fllm
