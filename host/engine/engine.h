// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "cuda/backend/backend.h"
#include "fundamentallm/metrics.h"
#include "fundamentallm/request.h"
#include "host/engine/automaton_memory.h"
#include "host/engine/batch.h"
#include "host/engine/beam_batch.h"
#include "host/engine/device_loop.h"
#include "host/engine/draft_loop.h"
#include "host/engine/draft_model.h"
#include "host/engine/draft_plan.h"
#include "host/engine/prefix_index.h"
#include "host/engine/request_preparer.h"
#include "host/engine/row_automata.h"
#include "host/engine/scheduler.h"
#include "host/engine/sequence.h"
#include "host/engine/verification.h"
#include "host/engine/vocabulary.h"
#include "host/engine/workspace.h"
#include "host/model/kv_cache.h"
#include "host/model/model.h"
#include "host/tokenizer/tokenizer.h"

namespace fllm {

struct BeamOutcome;
struct OpenedModel;

struct EngineLimits {
  std::int32_t max_rows = 256;        // [1, 4096]
  std::int64_t kv_cache_bytes = 0;    // 0: max_rows full contexts, at most half of the free memory
  std::int32_t prefill_tokens = 512;  // [16, 65536] of prompts in one step
  bool prefix_cache = true;
  // [-1, 64]: how many steps a device may be ahead of what the host has read; 0: every step waits for the host; -1: 4
  // where replaying recorded steps pays, else 1. No token depends on it.
  std::int32_t steps_ahead = -1;
};

/// What happened since it was cleared.
struct EngineOutput {
  std::vector<StepEvent> events;
  std::vector<const Sample*>
      ended;  // [events]: the sample, where this is its last event; it lives as long as its request
  std::vector<Completion> finished;  // requests all of whose samples have ended; the engine has forgotten them
};

/// Requests in, samples out: admits requests into the rows of a batch and advances all rows together. A row's output
/// depends on its own request alone. One owner at a time, but for prepare; models, tokenizer and backend must outlive it.
/// Errors are exceptions. Whatever step() throws is a fault of the machine or of this library: it may not be called again.
class Engine {
 public:
  /// draft: a small model that guesses for requests that speculate; null: none. Exception(kInvalidArgument) where its
  /// tokens are others than those of tokenizer.
  Engine(Backend& backend, const Model& model, const Tokenizer& tokenizer, const EngineLimits& limits,
         const OpenedModel* draft = nullptr);

  /// Checks a request, and that it fits an empty cache. By any threads, also while one is in the other functions.
  [[nodiscard]] std::unique_ptr<RequestState> prepare(Request request);
  /// Precondition: completion.request is set, to what no other one has.
  void enqueue(std::unique_ptr<RequestState> request);
  /// Ends what has not ended of a request; null: as kCancelled. No effect on one that is unknown.
  void end(RequestId id, const Error* error, EngineOutput& output);
  void step(EngineOutput& output);
  [[nodiscard]] bool idle() const { return rows_.empty() && beams_.empty() && scheduler_.empty(); }

  [[nodiscard]] Metrics metrics() const;

 private:
  // step.cpp
  void upload_static();
  void feed();
  void share_prompts();
  void sample();
  void commit(EngineOutput& output);
  StepEvent take_token(Sequence& row, std::int32_t drawn, const DrawDetail* detail);
  // step_params.cpp
  [[nodiscard]] SampleParams sample_params(std::int32_t first, std::int32_t rows) const;
  [[nodiscard]] SampleParams edits_of(std::int32_t first, std::int32_t rows) const;
  [[nodiscard]] RowView<float> logits(std::int32_t first, std::int32_t rows) const;
  [[nodiscard]] BlockTables block_tables() const;
  // speculation.cpp
  void propose();
  void verify(const SampleParams& target);
  void accept_drafts();
  void reserve_drafts(Sequence& row);
  void reserve_draft_loop(const DraftPlan& plan);
  void read_fillers();
  void count_drafts(Sequence& row, std::int32_t drafted, std::int32_t taken, std::int32_t accepted);
  // search.cpp
  void add_search(RequestState& request);
  void begin_searches();
  void search();
  bool search_ahead(EngineOutput& output);
  void enqueue_search();
  void take_searches(EngineOutput& output);
  void end_search(BeamRun& run, bool cut_off, EngineOutput& output);
  void take_outcome(Sequence& sequence, BeamOutcome& outcome, std::int32_t shown, EngineOutput& output);
  void remove_search(BeamRun& run);
  // run_ahead.cpp
  bool run_ahead(EngineOutput& output);
  [[nodiscard]] bool loop_fits();
  [[nodiscard]] bool can_run_ahead();
  [[nodiscard]] bool can_draw_ahead(const DraftPlan& plan) const;
  void resident_step();
  void drafting_step();
  void read_resident(std::int32_t slots);
  [[nodiscard]] SampleParams resident(SampleParams params) const;
  void take_ahead(EngineOutput& output);
  void take_words(Sequence& row, std::size_t place, EngineOutput& output);
  // draft_plan.cpp
  [[nodiscard]] DraftPlan plan_drafts();
  [[nodiscard]] bool draws_fit(std::int32_t rows, std::int32_t drafts) const;
  [[nodiscard]] std::int32_t wanted_room(Sequence& row) const;
  [[nodiscard]] bool drafts_fit();
  [[nodiscard]] bool may_launch() const;
  // plan.cpp
  void plan();
  void share_budget();
  [[nodiscard]] std::int32_t shared_block(const Sequence& row) const;
  void adopt_prefix(Sequence& row);
  void plan_tokens(Sequence& row, std::int32_t limit);
  // rows.cpp
  void admit(EngineOutput& output);
  void find_prefix(const RequestState& request);
  void add_rows(const Wave& wave);
  void count_prefix_hit(const Sequence& row, std::int32_t tokens);
  void share_prompt(std::size_t leader);
  void remove_finished_rows();
  void release_blocks(const Sequence& row);
  /// Of the batch: those of searches too, and what is kept free for their beams.
  [[nodiscard]] std::int32_t rows_in_use() const {
    return row_count() + beams_.row_count() + beams_.reserved_row_count();
  }
  /// Of logits, in the longest steps of what is in the batch.
  [[nodiscard]] std::int32_t logit_rows_in_use() const;
  // engine.cpp
  void check_beams(const RequestState& request) const;
  void check_speculation(const RequestState& request) const;
  void add_event(RequestState& request, StepEvent event, EngineOutput& output);
  void forget_finished_requests(EngineOutput& output);
  [[nodiscard]] std::int32_t row_count() const { return static_cast<std::int32_t>(rows_.size()); }

  Backend* backend_;
  const Model* model_;
  Vocabulary vocabulary_;
  RequestPreparer preparer_;
  StepCapacity capacity_;
  KvCache cache_;
  PrefixIndex prefixes_;
  bool prefix_cache_;
  Workspace workspace_;
  Batch batch_;
  std::int32_t steps_ahead_;
  AutomatonMemory automata_;
  RowAutomata row_automata_;
  DeviceLoop loop_;
  BeamBatch beams_;
  std::optional<DraftModel> draft_model_;
  std::optional<Verification> verification_;
  std::optional<DraftLoop> draft_loop_;
  Scheduler scheduler_;
  std::map<RequestId, std::unique_ptr<RequestState>> requests_;
  std::vector<std::unique_ptr<Sequence>> rows_;  // in order of admission: the samples of a wave side by side
  std::vector<std::int32_t> prefilling_;         // places of rows with a prompt to read, in the order they are fed
  std::vector<std::int32_t> found_;              // blocks that hold the beginning of a prompt
  std::vector<RequestId> done_;                  // requests whose last sample has just ended
  std::vector<std::int32_t> drafting_;           // places of rows whose drafts come from the model
  bool verifies_ = false;                        // this step
  std::int32_t waiting_count_ = 0;               // rows that wait for a prompt they share
  std::int32_t spare_steps_ = 0;                 // the last ones that half the drafts would have done for
  bool rows_changed_ = false;                    // since the static part of the batch was filled
  std::uint64_t step_number_ = 0;
  Metrics counters_;
};

}  // namespace fllm
