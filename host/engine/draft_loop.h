// SPDX-License-Identifier: Apache-2.0
#pragma once

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

/// What a step of R rows in S slots begins with, behind beams.
struct StepStart {
  std::span<const RowSampling> draws;    // [R]
  std::span<const ResidentRow> states;   // [R]
  std::span<const std::int32_t> firsts;  // [R + 1]: the first slot of each row; S
  std::int32_t beams = 0;
};

/// The part of a device's loop that drafts: of each row as many as it has room for in every step, in slots that are the same in all
/// of them, with fillers where it has fewer. Made when the first batch goes on by itself with drafts.
class DraftLoop {
 public:
  /// All must outlive this. model: null: there is none.
  DraftLoop(Backend& backend, const StepCapacity& capacity, DraftModel* model, Verification& verification);

  /// Puts every filler there is, capacity.logit_rows of them, into the inputs of both models, those of the big one behind so many
  /// beams, and enqueues the draft model's pass over them.
  void feed_fillers(Workspace& workspace, std::int32_t beams);
  /// Takes memory for the texts of rows that look them up, where it has none.
  void reserve_texts();

  /// Puts on the device what steps read first; the rows behind rows.size() are idle. Enqueues what the draft model has not read.
  /// Precondition: what the plan needs is there.
  void start(Rows rows, const StepStart& step, const DraftPlan& plan, Workspace& workspace);
  /// Completes the parameters of the loop's kernels.
  void share(DraftLoopParams& loop, const Workspace& workspace) const;
  /// Enqueues all drafts of a step. edits: the lists that rows refer to. Returns what they were drawn from, if they were.
  SampleParams draft(const SampleParams& edits, const DraftLoopParams& loop);

 private:
  void add_row(Sequence& row, const RowSampling& draw, std::int32_t first_slot, std::int32_t state);
  void add_draft_inputs(const Sequence& row, const RowSampling& draw);
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
  std::int32_t size_ = 0, slots_ = 0, beams_ = 0;
  std::int32_t drawing_ = 0;  // rows of the draft model that were added

  // At the start:
  Slots feed_;                                          // [slots]
  Slots draft_feed_;                                    // [2, drawing]
  std::vector<RowSampling> sampling_, draft_sampling_;  // [slots], [drawn, drawing]
  std::vector<DraftingRow> row_drafting_;               // [size]
  std::vector<DraftRow> judged_;                        // [size]
  std::vector<std::int32_t> draft_rows_;                // [slots]
};

}  // namespace fllm
