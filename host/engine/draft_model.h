// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cuda/backend/backend.h"
#include "cuda/kernels/draft_params.h"
#include "host/engine/batch.h"
#include "host/engine/draw_tables.h"
#include "host/engine/workspace.h"
#include "host/model/kv_cache.h"
#include "host/model/model.h"

namespace fllm {

/// A small model that guesses what the big one will draw: token by token, under the same edits and filters, with keys and
/// values of its own. What the big one took of it stays; it reads what it has not seen when it is next asked.
class DraftModel {
 public:
  /// capacity: of the big model's steps. block_count: of its cache, so that whoever fits there fits here.
  DraftModel(Backend& backend, const Model& model, const StepCapacity& capacity, std::int32_t block_count);

  [[nodiscard]] std::int32_t free_block_count() const { return cache_.free_block_count(); }
  /// Blocks for the longest output of a row that speculates with this model. Precondition: so many are free.
  void reserve(Sequence& row);
  void release(Sequence& row);
  /// Where the rows' keys and values are, whenever rows have come or gone.
  void upload_tables(Rows rows);

  /// Fills the drafts of the rows in these places, each up to its Drafts::wanted(). batch: knows what stays the same of the
  /// rows. edits: the lists that this refers to, on the device. Waits for the device after each token.
  void draft(Rows rows, std::span<const std::int32_t> places, const Batch& batch, const SampleParams& edits);
  // Of steps that are repeated, whose inputs and draws are in the workspace (see DraftLoop):
  [[nodiscard]] std::int32_t context_length() const { return model_->config.sequence_length; }
  [[nodiscard]] Workspace& workspace() { return workspace_; }
  /// Enqueues the reading of all but the last two tokens of each row that this model will have drafts of.
  void catch_up(Rows rows);
  /// Enqueues the model over the first inputs; the first logit_rows of them leave logits, behind first_logit_row others.
  void read(std::int32_t inputs, std::int32_t first_logit_row, std::int32_t logit_rows);
  /// The draws from some rows of logits. edits: the lists that they refer to.
  [[nodiscard]] SampleParams draws(const SampleParams& edits, std::int32_t first, std::int32_t rows) const;

  /// What the drafts were drawn from since draft(): row Drafts::rows()[i] is that of draft i. rows = 0: nothing was.
  [[nodiscard]] const SampleParams& drawn_from() const { return drawn_from_; }
  void clear();

 private:
  void read_ahead(Rows rows);
  void feed(Rows rows);
  void sample(Rows rows, const Batch& batch, const SampleParams& edits);
  void take(Rows rows);
  void feed_row(const Sequence& row, std::int32_t place, std::int32_t count);
  void run(std::int32_t logit_rows);
  void enqueue(ForwardBatch batch, std::int32_t first_logit_row);

  Backend* backend_;
  const Model* model_;
  StepCapacity capacity_;
  KvCache cache_;
  Workspace workspace_;
  DeviceArray<RowSupport> supports_;  // [logit rows]
  DrawTables tables_;
  SampleParams drawn_from_;
  std::vector<std::int32_t> active_;                           // places of rows that draft on
  std::vector<std::int32_t> tokens_, positions_, token_rows_;  // [fed tokens]
  std::vector<std::int32_t> logit_tokens_;                     // [active]
  std::vector<std::int32_t> drawn_;                            // [active]
  std::vector<std::int32_t> block_tables_;                     // [rows, blocks_per_row]
};

}  // namespace fllm
