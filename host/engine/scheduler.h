// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <limits>

#include "fundamentallm/request.h"

namespace fllm {

/// What is free in this step.
struct Room {
  std::int32_t rows = 0;
  std::int32_t blocks = 0;
  std::int32_t logit_rows = std::numeric_limits<std::int32_t>::max();  // of rows and their drafts
  std::int32_t draft_blocks = 0;                                       // of the draft model's cache
};

/// The part of a request that enters the batch at once: sample_count samples after one prefill.
struct Wave {
  RequestId request{};
  std::int32_t first_sample = 0;
  std::int32_t sample_count = 0;
};

/// What a request needs: shared_blocks once per wave, and for each sample `rows` rows with own_blocks each, at its longest,
/// a row of logits for each row and each draft of a step, and blocks of the draft model's cache.
struct Need {
  RequestId request{};
  std::int32_t sample_count = 0;
  std::int32_t shared_blocks = 0;
  std::int32_t own_blocks = 0;  // at least 1
  std::int32_t rows = 1;
  std::int32_t drafts = 0;        // at most, of a sample in a step
  std::int32_t draft_blocks = 0;  // of a sample, in the draft model's cache

  /// Blocks of one sample beside the shared ones.
  [[nodiscard]] std::int64_t sample_blocks() const { return std::int64_t{own_blocks} * rows; }
};

/// First come, first served: the first request waits until one of its samples fits and nothing overtakes it, so none
/// starves. Memory is reserved for the longest output at admission; an admitted sample never waits for memory again.
class Scheduler {
 public:
  /// Precondition: need.shared_blocks + need.sample_blocks() is at most what an empty cache has, need.rows and
  /// need.rows + need.drafts what a batch has.
  void enqueue(const Need& need) { queue_.push_back({need, 0}); }
  /// Who is next. Precondition: !empty().
  [[nodiscard]] RequestId next() const { return queue_.front().need.request; }
  /// As many of its samples as fit into what is free, where present of the shared blocks are there already; sample_count
  /// 0: none does.
  [[nodiscard]] Wave admit(Room free, std::int32_t present);
  /// Forgets the samples that were not admitted.
  void remove(RequestId request);
  [[nodiscard]] bool empty() const { return queue_.empty(); }
  [[nodiscard]] std::size_t size() const { return queue_.size(); }

 private:
  struct Waiting {
    Need need;
    std::int32_t next_sample = 0;
  };
  std::deque<Waiting> queue_;
};

}  // namespace fllm
