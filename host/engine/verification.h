// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cuda/backend/backend.h"
#include "host/engine/batch.h"

namespace fllm {

/// Weighs drafts against the rows they were guessed for, one launch whatever their number (cuda/kernels/resolve_drafts.h), and
/// brings the outcome into the batch as if it had been drawn. Made when the first request asks for SpeculationRule::kRatio.
class Verification {
 public:
  Verification(Backend& backend, const StepCapacity& capacity);

  /// What the launch that samples the batch's draws has to write. Precondition: Batch::draft_ids is final.
  void prepare(const Batch& batch, SampleParams& target);
  /// Enqueues the launch and the downloads behind that of target. drawn_from: rows of the draft model.
  void resolve(const SampleParams& target, const SampleParams& drawn_from, Rows rows, const Batch& batch);
  /// Samples the draws of a step that is repeated, and weighs its drafts, all of which is on the device. See upload and share.
  void resolve_resident(SampleParams target, const SampleParams& drawn_from, std::int32_t row_count);
  /// Precondition: the device has done it. Sets accepted of the rows it has judged, their tokens and details.
  void apply(Batch& batch) const;

  /// For steps that are repeated: rows, and of each draw the draft model's row that its draft comes from. No draft yet.
  void upload(std::span<const DraftRow> rows, std::span<const std::int32_t> draft_rows);
  /// Where these steps leave their drafts, and find what has come of them.
  void share(DraftLoopParams& loop) const;

 private:
  void weigh(SampleParams& target) const;
  void enqueue(const SampleParams& target, const SampleParams& drawn_from, std::int32_t row_count);

  struct Judged {
    std::size_t row, draw;  // of Batch::drawing, and its first draw
  };

  Backend* backend_;
  std::int64_t scratch_stride_;
  DeviceArray<RowSupport> supports_;                  // [logit rows]
  DeviceArray<SampleDetail> proposed_details_;        // [logit rows]
  DeviceArray<std::int32_t> draft_ids_, draft_rows_;  // [logit rows]
  DeviceArray<DraftRow> rows_;                        // [rows]
  DeviceArray<std::int32_t> accepted_, tokens_;       // [rows]
  DeviceArray<SampleDetail> details_;                 // [rows]
  DeviceArray<float> scratch_;                        // [rows, scratch_stride]

  std::vector<Judged> judged_;
  std::vector<DraftRow> host_rows_;
  std::vector<std::int32_t> host_draft_rows_, host_accepted_, host_tokens_;
  std::vector<SampleDetail> host_details_, host_proposed_details_;
};

}  // namespace fllm
