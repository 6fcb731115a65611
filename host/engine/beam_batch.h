// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "cuda/backend/backend.h"
#include "host/engine/batch.h"
#include "host/engine/beam_layout.h"
#include "host/engine/beam_memory.h"
#include "host/engine/beam_run.h"
#include "host/engine/workspace.h"

namespace fllm {

/// What a search has told the host.
struct BeamNews {
  std::int32_t steps = 0;   // taken
  std::int32_t proven = 0;  // tokens
  bool done = false;
};

/// The beam searches of a batch. Those that run have its first rows, which the device advances by itself: what the host knows of
/// them is news, a few steps old, until it asks.
class BeamBatch {
 public:
  /// automata must outlive this.
  BeamBatch(Backend& backend, const StepCapacity& capacity, AutomatonMemory& automata);
  ~BeamBatch();
  BeamBatch(const BeamBatch&) = delete;
  BeamBatch& operator=(const BeamBatch&) = delete;

  [[nodiscard]] bool empty() const { return runs_.empty(); }
  [[nodiscard]] std::span<const std::unique_ptr<BeamRun>> runs() const { return runs_; }
  [[nodiscard]] BeamRun* find(const RequestState& request);
  /// Of the searches that run.
  [[nodiscard]] std::int32_t row_count() const { return row_count_; }
  /// Kept free for beams of searches whose prompts are still being read.
  [[nodiscard]] std::int32_t reserved_row_count() const { return reserved_count_; }

  /// Whether there is memory for one more search. Makes what all of them share.
  [[nodiscard]] bool has_room(const BeamPlan& plan);
  /// Precondition: has_room.
  BeamRun& add(RequestState& request);
  /// The prompt has been read but for its last token.
  void begin(BeamRun& run, std::unique_ptr<Sequence> reader);
  void remove(const BeamRun& run);

  /// Puts what runs now in the first rows. Waits for the device where searches have moved that it advances.
  /// Precondition: Batch::fill_static knows them.
  void lay_out(Workspace& workspace);
  /// Of those that run; lay_out makes it true.
  [[nodiscard]] BeamLayout layout() const { return row_count_ > 0 ? BeamLayout{row_count_, layout_} : BeamLayout{}; }

  /// Steps of all searches are being enqueued.
  void count_steps(std::int32_t count);
  /// Enqueues a step of all searches, or several of them; step is always the same until they are laid out anew.
  void launch(const std::function<void()>& step);
  [[nodiscard]] BeamParams params(const Workspace& workspace) const;
  [[nodiscard]] const RowSampling* sampling() const { return sampling_.data(); }
  [[nodiscard]] const KvPath* paths() const { return paths_.data(); }

  [[nodiscard]] BeamNews news(const BeamRun& run) const;
  /// The same; they have been taken then.
  BeamNews take_news(BeamRun& run) const;
  /// Of the result, from `first` on. Precondition: news said that they are proven.
  [[nodiscard]] std::span<const std::int32_t> proven_tokens(const BeamRun& run, std::int32_t first) const;
  /// Waits until all steps that were enqueued have been taken.
  void wait_for_all();
  /// Waits until every search that goes on has taken a step whose news have not been taken.
  void wait_for_one();
  /// Whether a search goes on, and none of those that do is `steps` ahead of what has been taken of it.
  [[nodiscard]] bool may_launch(std::int32_t steps) const;
  /// The search as it is on the device. Waits for it.
  void refresh(BeamRun& run);

 private:
  /// What the device has made of the searches and their rows.
  struct Advanced {
    std::vector<BeamSearch> searches;
    std::vector<RowSampling> sampling;
    std::vector<std::int32_t> tokens, positions;
  };
  void wait_for(const BeamRun& run, std::int32_t steps) const;
  void change();
  [[nodiscard]] Advanced fetch(const Workspace& workspace) const;
  void upload(Workspace& workspace);
  void place(BeamRun& run);
  void place_again(BeamRun& run, const Advanced& now);

  Backend* backend_;
  StepCapacity capacity_;
  AutomatonMemory* automata_;
  std::optional<BeamMemory> memory_;
  std::vector<std::unique_ptr<BeamRun>> runs_;  // those that run first in the batch, in this order
  std::int32_t row_count_ = 0, reserved_count_ = 0;
  std::uint64_t layout_ = 0;  // how often they have changed
  bool changed_ = false;
  std::int32_t laid_out_rows_ = 0, laid_out_searches_ = 0;
  std::int32_t candidate_stride_ = 1, candidate_limit_ = 1;
  bool has_run_ = false;  // the step, since it was laid out
  std::unique_ptr<RecordedWork> recording_;

  DeviceArray<BeamSearch> device_searches_;
  DeviceArray<std::int32_t> device_row_searches_, candidate_counts_;
  DeviceArray<RowSampling> sampling_;
  DeviceArray<KvPath> paths_;
  DeviceArray<BeamCandidate> candidates_;
  DeviceArray<std::uint32_t> rank_counts_;  // [searches, kBeamRankBuckets]

  // Of the host, in the layout of the device.
  std::vector<BeamSearch> searches_;
  std::vector<std::int32_t> row_searches_, tokens_, positions_, sequences_;
  std::vector<RowSampling> row_sampling_;
  std::vector<KvPath> row_paths_;
};

}  // namespace fllm
