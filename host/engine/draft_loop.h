// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "cuda/backend/backend.h"
#include "host/engine/batch.h"
#include "host/engine/draft_model.h"
#include "host/engine/draft_plan.h"
#include "host/engine/verification.h"
#include "host/engine/workspace.h"

namespace fllm {

/// The part of a device's loop that drafts: of R rows up to N drafts each in every step, in slots that are the same in all of
/// them, with fillers where a row has fewer. Made when the first batch goes on by itself with drafts.
class DraftLoop {
 public:
  /// All must outlive this. model: null: there is none.
  DraftLoop(Backend& backend, const StepCapacity& capacity, DraftModel* model, Verification& verification);

  /// Puts every filler there is, capacity.logit_rows of them, into the inputs of both models, those of the big one behind so many
  /// beams, and enqueues the draft model's pass over them.
  void feed_fillers(Workspace& workspace, std::int32_t beams);
  /// Takes memory for the texts of rows that look them up, where it has none.
  void reserve_texts();
  /// Rows, of R, that fit a step of N drafts each and so many beams.
  [[nodiscard]] static std::int32_t most_rows(const StepCapacity& capacity, std::int32_t drafts, std::int32_t beams) {
    return std::min(capacity.rows - beams, (capacity.logit_rows - beams) / (drafts + 1));
  }

  /// Puts on the device what steps of `size` rows read first, those behind rows.size() being idle. draws, states: what each row
  /// draws next, and where it stands. beams: inputs of the model that come first. Enqueues what the draft model has not read.
  /// Precondition: what the plan needs is there.
  void start(Rows rows, std::span<const RowSampling> draws, std::span<const ResidentRow> states, const DraftPlan& plan,
             std::int32_t beams, Workspace& workspace);
  /// Completes the parameters of the loop's kernels.
  void share(DraftLoopParams& loop, const Workspace& workspace) const;
  /// Enqueues all drafts of a step. edits: the lists that rows refer to. Returns what they were drawn from, if they were.
  SampleParams draft(const SampleParams& edits, const DraftLoopParams& loop);

 private:
  void add_row(Sequence& row, const RowSampling& draw, std::int32_t state);
  void add_draft_inputs(const Sequence& row, const RowSampling& draw);
  void add_idle_row();
  SampleParams draw(const SampleParams& edits, DraftLoopParams loop);
  void upload(Workspace& workspace);

  /// What a model reads, on the host; fillers are where nothing else is.
  struct Slots {
    std::vector<std::int32_t> tokens, positions, sequences;
    FeedSlots view;
    void reserve(std::size_t count);
    void clear(std::size_t count, const StepCapacity& capacity);
    void upload(Workspace& workspace, std::int32_t first) const;
  };

  Backend* backend_;
  StepCapacity capacity_;
  DraftModel* model_;
  Verification* verification_;
  DeviceArray<DraftingRow> drafting_;  // [rows]
  DeviceArray<std::int32_t> texts_;    // [rows, context_length], or nothing
  DraftPlan plan_;
  std::int32_t size_ = 0, beams_ = 0;

  // At the start:
  Slots feed_;                                          // [size, drafts + 1]
  Slots draft_feed_;                                    // [2, size]
  std::vector<RowSampling> sampling_, draft_sampling_;  // [size, drafts + 1], [drafts, size]
  std::vector<DraftingRow> row_drafting_;               // [size]
  std::vector<DraftRow> judged_;                        // [size]
  std::vector<std::int32_t> draft_rows_;                // [size, drafts + 1]
};

}  // namespace fllm
