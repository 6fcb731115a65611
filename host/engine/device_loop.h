// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "cuda/backend/backend.h"
#include "host/engine/automaton_memory.h"
#include "host/engine/batch.h"
#include "host/engine/beam_layout.h"
#include "host/engine/draft_loop.h"
#include "host/engine/draft_plan.h"
#include "host/engine/ring_reader.h"
#include "host/engine/sequence.h"
#include "host/engine/step_recordings.h"
#include "host/engine/workspace.h"

namespace fllm {

/// A batch that the device advances by itself: which row stands in which place, what of it lies on the device, and how
/// many steps the device is ahead of what the host has seen. A step may have drafts of each row, and beams of searches, whose
/// inputs and logits come before those of all places and are not the loop's affair. Places without a row (those
/// that fill up a step's size, and rows that have ended) stay as they are; their keys and values go to blocks that nobody reads.
class DeviceLoop {
 public:
  /// steps_ahead: at least 1. automata must outlive this.
  DeviceLoop(Backend& backend, const StepCapacity& capacity, std::int32_t steps_ahead, const AutomatonMemory& automata);
  ~DeviceLoop();
  DeviceLoop(const DeviceLoop&) = delete;
  DeviceLoop& operator=(const DeviceLoop&) = delete;

  [[nodiscard]] bool running() const { return !places_.empty(); }
  [[nodiscard]] std::int32_t live_count() const { return live_count_; }
  [[nodiscard]] std::int32_t size() const { return size_; }  // of a step, in rows
  [[nodiscard]] const DraftPlan& plan() const { return plan_; }
  [[nodiscard]] const BeamLayout& searches() const { return searches_; }
  /// Of a step for so many rows and their drafts beside searches, which fit.
  [[nodiscard]] std::int32_t size_for(std::int32_t rows, const DraftPlan& plan, const BeamLayout& searches) const;
  [[nodiscard]] std::int32_t in_flight() const { return in_flight_; }

  /// Puts the rows' state on the device. Precondition: !running(), the static part of the batch is uploaded, every row draws
  /// next and needs nothing of the host, and the masks of those that have some are on the device; they fit, with the drafts they
  /// have room for. drafting: where the plan has drafts.
  void start(Rows rows, const DraftPlan& plan, const BeamLayout& searches, Batch& batch, Workspace& workspace,
             DraftLoop* drafting);
  /// Whether the device is not too far ahead, and some row would still draw if nothing but its limit ended it.
  [[nodiscard]] bool may_launch() const;
  /// Enqueues step, which is always the same for a size and a plan.
  void launch(const std::function<void()>& step);
  /// Waits for the words of the oldest step in flight.
  void take();
  /// Of the step taken last, those of a place: one a token.
  [[nodiscard]] std::span<const std::uint32_t> words(std::size_t place) const;
  /// Drafts that a place has room for in a step.
  [[nodiscard]] std::int32_t room(std::size_t place) const { return firsts_[place + 1] - firsts_[place] - 1; }
  /// The row in a place; null: it has ended, or there was none.
  [[nodiscard]] Sequence* row(std::size_t place) const { return places_[place]; }
  /// Of a row that finished by its word, or waits for longer steps.
  [[nodiscard]] double final_sum(std::size_t place) const { return ring_.final_sum(place); }
  /// The row's sum_logprob behind a word of the step taken last. Waits for the device.
  [[nodiscard]] double sum_behind(std::size_t place, std::size_t word);
  /// A row's sum_logprob after the step taken last, where the device has a newer one than the row. Waits for the device.
  [[nodiscard]] std::optional<double> newer_sum(const Sequence& row);
  /// The row leaves its place, where it has one. What the device still draws for it is dropped.
  void remove(const Sequence& row);
  /// Precondition: in_flight() == 0, or no row is left. Those that are left get their sums.
  void stop();

  // What the recorded operations read and write.
  [[nodiscard]] HistoryTable history(const Workspace& workspace) const;
  [[nodiscard]] CommitRowsParams commit_params(const Workspace& workspace) const;
  /// Of a step with drafts; what DraftLoop::share adds is missing.
  [[nodiscard]] DraftLoopParams draft_params(const Workspace& workspace) const;

 private:
  void lay_out(Rows rows);
  void set_automaton(Sequence& row, RowSampling& draw, ResidentRow& resident);
  void fill_up(Batch& batch);
  void move_histories(Batch& batch, Workspace& workspace);
  [[nodiscard]] std::int32_t after(std::int32_t slot) const { return slot + 1 < ring_.ring().depth ? slot + 1 : 0; }

  Backend* backend_;
  StepCapacity capacity_;
  std::int32_t steps_ahead_;
  const AutomatonMemory* automata_;
  const std::uint32_t* recorded_masks_ = nullptr;  // what recorded steps read
  RingReader ring_;
  StepRecordings recordings_;
  DeviceArray<ResidentRow> states_;          // [rows]
  DeviceArray<std::int32_t> history_sizes_;  // [logit rows]

  std::vector<Sequence*> places_;             // [size]; empty: not running
  std::vector<ResidentRow> row_states_;       // [size], at the start
  std::vector<std::int32_t> history_counts_;  // [slots], at the start
  std::vector<std::int32_t> firsts_;          // [size + 1]: the first slot of each place; behind them all slots
  std::vector<std::uint32_t> words_;          // [slots], of the step taken last
  std::int32_t live_count_ = 0;
  std::int32_t size_ = 0;
  DraftPlan plan_;
  BeamLayout searches_;
  std::int32_t in_flight_ = 0;
  std::int32_t next_slot_ = 0;   // of the oldest step in flight, or of the next one
  std::int32_t last_slot_ = -1;  // of the step taken last since the start
};

}  // namespace fllm
