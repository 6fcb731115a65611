// SPDX-License-Identifier: Apache-2.0
#include "host/engine/verification.h"

#include <algorithm>
#include <cstddef>

#include "host/engine/sequence.h"

namespace fllm {

Verification::Verification(Backend& backend, const StepCapacity& capacity)
    : backend_(&backend),
      scratch_stride_(backend.resolve_scratch_elements(capacity.vocab, 0)),
      supports_(backend, capacity.logit_row_count()),
      proposed_details_(backend, capacity.logit_row_count()),
      draft_ids_(backend, capacity.logit_row_count()),
      draft_rows_(backend, capacity.logit_row_count()),
      rows_(backend, capacity.row_count()),
      accepted_(backend, capacity.row_count()),
      tokens_(backend, capacity.row_count()),
      details_(backend, capacity.row_count()),
      host_accepted_(capacity.row_count()),
      host_tokens_(capacity.row_count()),
      host_details_(capacity.row_count()),
      host_proposed_details_(capacity.logit_row_count()) {
  if (scratch_stride_ > 0) scratch_ = {backend, capacity.row_count() * static_cast<std::size_t>(scratch_stride_)};
  judged_.reserve(capacity.row_count());
  host_rows_.reserve(capacity.row_count());
  host_draft_rows_.reserve(capacity.logit_row_count());
}

void Verification::prepare(const Batch& batch, SampleParams& target) {
  draft_ids_.upload(batch.draft_ids);
  weigh(target);
}

void Verification::weigh(SampleParams& target) const {
  target.supports = supports_.data();
  target.proposed_ids = draft_ids_.data();
  target.proposed_details = proposed_details_.data();
}

void Verification::resolve(const SampleParams& target, const SampleParams& drawn_from, Rows rows, const Batch& batch) {
  judged_.clear();
  host_rows_.clear();
  host_draft_rows_.assign(batch.draft_ids.size(), -1);
  std::size_t draw = 0;
  for (std::size_t i = 0; i < batch.drawing.size(); ++i) {
    const Sequence& row = *rows[static_cast<std::size_t>(batch.drawing[i])];
    const auto count = static_cast<std::int32_t>(row.drafted().size());
    if (count > 0 && row.drafts->rule() == SpeculationRule::kRatio) {
      judged_.push_back({i, draw});
      host_rows_.push_back({static_cast<std::int32_t>(draw), count, -1, 0});
      std::ranges::copy(row.drafts->rows(), host_draft_rows_.begin() + static_cast<std::ptrdiff_t>(draw));
    }
    draw += static_cast<std::size_t>(count) + 1;
  }
  rows_.upload(host_rows_);
  draft_rows_.upload(host_draft_rows_);
  const std::size_t judged = host_rows_.size();
  enqueue(target, drawn_from, static_cast<std::int32_t>(judged));

  backend_->download(host_accepted_.data(), accepted_.data(), judged * sizeof(std::int32_t));
  backend_->download(host_tokens_.data(), tokens_.data(), judged * sizeof(std::int32_t));
  backend_->download(host_details_.data(), details_.data(), judged * sizeof(SampleDetail));
  backend_->download(host_proposed_details_.data(), proposed_details_.data(), draw * sizeof(SampleDetail));
}

void Verification::enqueue(const SampleParams& target, const SampleParams& drawn_from, std::int32_t row_count) {
  ResolveDraftsParams params;
  params.target = target;
  params.draft = drawn_from;
  params.draft_ids = draft_ids_.data();
  params.draft_rows = draft_rows_.data();
  params.rows = rows_.data();
  params.row_count = row_count;
  params.scratch = scratch_.data();
  params.scratch_stride = scratch_stride_;
  params.accepted_counts = accepted_.data();
  params.tokens = tokens_.data();
  params.details = details_.data();
  backend_->resolve_drafts(LogitType::kFloat32, params);
}

void Verification::resolve_resident(SampleParams target, const SampleParams& drawn_from, std::int32_t row_count) {
  weigh(target);
  backend_->sample(LogitType::kFloat32, target);
  enqueue(target, drawn_from, row_count);
}

void Verification::upload(std::span<const DraftRow> rows, std::span<const std::int32_t> draft_rows) {
  rows_.upload(rows);
  draft_rows_.upload(draft_rows);
  host_draft_rows_.assign(draft_rows.size(), -1);
  draft_ids_.upload(host_draft_rows_);
}

void Verification::share(DraftLoopParams& loop) const {
  loop.draft_ids = draft_ids_.data();
  loop.judged = rows_.data();
  loop.accepted_counts = accepted_.data();
  loop.tokens = tokens_.data();
  loop.details = details_.data();
  loop.proposed_details = proposed_details_.data();
}

void Verification::apply(Batch& batch) const {
  for (std::size_t i = 0; i < judged_.size(); ++i) {
    const auto [row, first] = judged_[i];
    const auto accepted = static_cast<std::size_t>(host_accepted_[i]);
    for (std::size_t draw = first; draw < first + accepted; ++draw) {
      batch.drawn[draw] = batch.draft_ids[draw];
      batch.details[draw] = host_proposed_details_[draw];
    }
    batch.drawn[first + accepted] = host_tokens_[i];
    batch.details[first + accepted] = host_details_[i];
    batch.accepted[row] = host_accepted_[i];
  }
}

}  // namespace fllm
