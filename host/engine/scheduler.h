// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>

#include "fundamentallm/request.h"

namespace fllm {

/// What is free, or wanted, in this step.
struct Room {
  std::int32_t rows = 0;
  std::int32_t blocks = 0;
};

/// The part of a request that enters the batch at once: sample_count samples after one prefill.
struct Wave {
  RequestId request{};
  std::int32_t first_sample = 0;
  std::int32_t sample_count = 0;
  std::int32_t block_count = 0;
};

/// What a request needs: shared_blocks once per wave, and for each sample a row and own_blocks, at its longest.
struct Need {
  RequestId request{};
  std::int32_t sample_count = 0;
  std::int32_t shared_blocks = 0;
  std::int32_t own_blocks = 0;
};

/// First come, first served: the first request waits until its wave fits and nothing overtakes it, so none starves.
/// Memory is reserved for the longest output at admission; an admitted sample never waits for memory again.
class Scheduler {
 public:
  explicit Scheduler(Room capacity) : capacity_(capacity) {}

  /// Samples of the request that can be in the batch at once: 0 when not even one fits an empty batch.
  [[nodiscard]] std::int32_t wave_samples(const Need& need) const;
  /// Precondition: wave_samples(need) > 0.
  void enqueue(const Need& need);
  /// The next wave if it fits into what is free; sample_count 0: none does.
  [[nodiscard]] Wave admit(Room free);
  /// Forgets the samples that were not admitted.
  void remove(RequestId request);
  [[nodiscard]] bool empty() const { return queue_.empty(); }

 private:
  struct Waiting {
    Need need;
    std::int32_t next_sample = 0;
  };
  Room capacity_;
  std::deque<Waiting> queue_;
};

}  // namespace fllm
