// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <vector>

#include "host/engine/engine.h"

// One generation step, top to bottom. Rows stand in order of admission, so those admitted in this step come last.
namespace fllm {

void Engine::run_step(std::vector<StepEvent>& events) {
  const std::int32_t decode_count = row_count();
  admit();  // 1 who joins
  if (rows_.empty()) return;
  if (rows_changed_) {  // 2 what stays the same while the rows do
    batch_.fill_static(rows_);
    workspace_.block_tables.upload(batch_.block_tables);
    workspace_.ids.upload(batch_.ids);
    workspace_.bias.upload(batch_.bias);
    rows_changed_ = false;
  }
  prefill(decode_count);  // 3 prompts: one forward pass each
  decode(decode_count);   // 4 last tokens of all other rows: one forward pass together
  sample();               // 5 one token a row
  commit(events);         // 6 stop rules, text, events
}

void Engine::admit() {
  while (true) {
    const Wave wave = scheduler_.admit({capacity_.rows - row_count(), cache_.free_block_count()});
    if (wave.sample_count == 0) return;
    add_rows(wave);
  }
}

void Engine::prefill(std::int32_t first_row) {
  for (std::int32_t begin = first_row, end = first_row; begin < row_count(); begin = end) {
    const RequestState& request = rows_[static_cast<std::size_t>(begin)]->request();
    while (end < row_count() && &rows_[static_cast<std::size_t>(end)]->request() == &request) ++end;
    const auto prompt_count = static_cast<std::int32_t>(request.prompt.size());

    workspace_.tokens.upload(request.prompt);
    ForwardBatch batch;
    batch.rows = prompt_count;
    batch.tokens = workspace_.tokens.data();
    batch.positions = workspace_.ascending.data();
    batch.blocks = {workspace_.block_tables.data() + std::int64_t{begin} * capacity_.blocks_per_row,
                    capacity_.blocks_per_row, workspace_.zeros.data()};
    batch.logit_rows = workspace_.ascending.data() + (prompt_count - 1);
    batch.logit_row_count = 1;
    forward(*backend_, *model_, batch, cache_, workspace_.forward, logits(begin, 1));

    if (end - begin == 1) continue;  // the other samples get the last logits and the block that is only partly filled
    const RowView<float> last = logits(begin, 1);
    backend_->gather_rows(
        {{last.data, 1, last.cols, last.stride}, workspace_.zeros.data(), logits(begin + 1, end - begin - 1)});
    const auto copies = queue_block_copies(static_cast<std::size_t>(begin), static_cast<std::size_t>(end));
    if (copies > 0) {
      cache_.copy(*backend_, workspace_.copy_source.data(), workspace_.copy_destination.data(), copies,
                  prompt_count % kKvBlockTokens);
    }
  }
}

void Engine::decode(std::int32_t row_count) {
  if (row_count == 0) return;
  batch_.fill_forward(rows_, row_count);
  workspace_.tokens.upload(batch_.tokens);
  workspace_.positions.upload(batch_.positions);
  ForwardBatch batch;
  batch.rows = batch.logit_row_count = row_count;
  batch.tokens = workspace_.tokens.data();
  batch.positions = workspace_.positions.data();
  batch.blocks = {workspace_.block_tables.data(), capacity_.blocks_per_row, workspace_.ascending.data()};
  forward(*backend_, *model_, batch, cache_, workspace_.forward, logits(0, row_count));
}

void Engine::sample() {
  batch_.fill_sampling(rows_);  // host work; a device is still busy with the forward pass
  workspace_.sampling.upload(batch_.sampling);
  workspace_.masks.upload(batch_.masks);
  workspace_.counts.upload(batch_.counts);

  const RowView<float> view = logits(0, row_count());
  SampleParams params;
  params.logits = view.data;
  params.stride = view.stride;
  params.rows = view.rows;
  params.vocab = capacity_.vocab;
  params.sampling = workspace_.sampling.data();
  params.allow_mask = workspace_.masks.data();
  params.mask_words = static_cast<std::int64_t>(capacity_.mask_words_per_row());
  params.ban_ids = workspace_.ids.data();
  params.bias = workspace_.bias.data();
  params.counts = workspace_.counts.data();
  params.scratch = workspace_.scratch.data();
  params.scratch_stride = workspace_.scratch_stride;
  params.tokens = workspace_.drawn.data();
  params.details = workspace_.details.data();
  params.top_count = batch_.top_count;
  if (batch_.top_count > 0) params.top = workspace_.top.data();
  backend_->sample(LogitType::kFloat32, params);

  const auto rows = static_cast<std::size_t>(view.rows);
  backend_->download(batch_.drawn.data(), params.tokens, rows * sizeof(std::int32_t));
  backend_->download(batch_.details.data(), params.details, rows * sizeof(SampleDetail));
  if (params.top != nullptr) {
    backend_->download(batch_.top.data(), params.top,
                       rows * static_cast<std::size_t>(params.top_count) * sizeof(TopEntry));
  }
  backend_->synchronize();  // the only wait of a step
}

void Engine::commit(std::vector<StepEvent>& events) {
  events.reserve(rows_.size());
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    Sequence& row = *rows_[i];
    RequestState& request = row.request();
    StepEvent& event = events.emplace_back();
    event.request = request.completion.request;
    event.sample = row.sample();
    if (batch_.drawn[i] == kNothingDrawn) {
      row.end_without_support(event.text);
    } else {
      event.token = batch_.drawn[i];
      row.append(batch_.drawn[i], batch_.details[i], batch_.top_of(i), event.text);
      if (!request.first_token) request.first_token = Clock::now();
    }
    event.finish_reason = row.finish_reason();
    request.completion.samples[static_cast<std::size_t>(row.sample())].text += event.text;
    if (event.finish_reason != FinishReason::kNone) finish_sample(request);
  }
  remove_finished_rows();
}

RowView<float> Engine::logits(std::int32_t first_row, std::int32_t row_count) const {
  const std::int32_t vocab = model_->config.vocab_size;
  return {workspace_.logits.data() + std::int64_t{first_row} * vocab, row_count, vocab, vocab};
}

}  // namespace fllm
