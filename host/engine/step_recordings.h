// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "cuda/backend/backend.h"

namespace fllm {

/// Steps of a few sizes, recorded for good. Sizes are powers of two and the largest; where replaying saves nothing, every
/// size is its own and nothing is recorded. A size is recorded when it is needed: most programs use two or three, and a
/// recording takes memory and some milliseconds. Its first step runs as it is, so that the second finds kernels loaded and
/// products chosen when it is recorded.
class StepRecordings {
 public:
  StepRecordings(Backend& backend, std::int32_t max_rows);

  /// The size of a step for so many rows. Precondition: 1 <= rows <= max_rows.
  [[nodiscard]] std::int32_t size_for(std::int32_t rows) const;
  /// Enqueues work, which is always the same for a size.
  void run(std::int32_t size, const std::function<void()>& work);
  /// Work is other work from now on.
  void clear();

 private:
  struct Recording {
    std::int32_t size = 0;
    bool has_run = false;
    std::unique_ptr<RecordedWork> work;
  };
  Backend* backend_;
  std::vector<Recording> recordings_;  // ascending sizes; none where nothing is recorded
};

}  // namespace fllm
