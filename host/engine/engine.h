// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "cuda/backend/backend.h"
#include "fundamentallm/request.h"
#include "host/engine/batch.h"
#include "host/engine/request_preparer.h"
#include "host/engine/scheduler.h"
#include "host/engine/sequence.h"
#include "host/engine/vocabulary.h"
#include "host/engine/workspace.h"
#include "host/model/kv_cache.h"
#include "host/model/model.h"
#include "host/tokenizer/tokenizer.h"

namespace fllm {

struct EngineLimits {
  std::int32_t max_rows = 256;      // [1, 4096]
  std::int64_t kv_cache_bytes = 0;  // 0: max_rows full contexts, at most half of the free memory
};

/// Requests in, samples out: admits requests into the rows of a batch and advances all rows together, one token a step.
/// A row's output depends on its own request alone. One owner at a time; model, tokenizer and backend must outlive it.
/// Errors are exceptions; one thrown by step() is final: every later call throws it again.
class Engine {
 public:
  Engine(Backend& backend, const Model& model, const Tokenizer& tokenizer, const EngineLimits& limits);

  RequestId submit(Request request);
  std::vector<StepEvent> step();
  [[nodiscard]] bool idle() const { return rows_.empty() && scheduler_.empty(); }
  /// All its samples have ended; also true of a request that is unknown.
  [[nodiscard]] bool finished(RequestId id) const;
  /// No effect on a request that is finished or unknown.
  void cancel(RequestId id);
  /// Exception(kInvalidArgument) for a request that is unknown, taken or not finished.
  [[nodiscard]] Completion take(RequestId id);

  [[nodiscard]] const Vocabulary& vocabulary() const { return vocabulary_; }
  [[nodiscard]] const KvCache& kv_cache() const { return cache_; }

 private:
  void run_step(std::vector<StepEvent>& events);
  void admit();
  void add_rows(const Wave& wave);
  void prefill(std::int32_t first_row);
  std::int32_t queue_block_copies(std::size_t first, std::size_t end);
  void decode(std::int32_t row_count);
  void sample();
  void commit(std::vector<StepEvent>& events);
  void remove_finished_rows();
  void finish_sample(RequestState& request);
  void check_usable() const;
  [[nodiscard]] RowView<float> logits(std::int32_t first_row, std::int32_t row_count) const;
  [[nodiscard]] std::int32_t row_count() const { return static_cast<std::int32_t>(rows_.size()); }

  Backend* backend_;
  const Model* model_;
  Vocabulary vocabulary_;
  RequestPreparer preparer_;
  StepCapacity capacity_;
  KvCache cache_;
  Workspace workspace_;
  Batch batch_;
  Scheduler scheduler_;
  std::map<RequestId, std::unique_ptr<RequestState>> requests_;
  std::vector<std::unique_ptr<Sequence>> rows_;  // in order of admission
  bool rows_changed_ = false;                    // since the static part of the batch was filled
  std::uint64_t next_request_ = 1;
  std::optional<Error> failure_;
};

}  // namespace fllm
