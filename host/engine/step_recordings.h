// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <tuple>

#include "cuda/backend/backend.h"
#include "host/engine/beam_layout.h"
#include "host/engine/draft_plan.h"

namespace fllm {

/// What steps have in common that can be replayed for each other.
struct StepShape {
  std::int32_t rows = 0;
  DraftPlan plan = {};
  BeamLayout searches = {};

  friend bool operator<(const StepShape& a, const StepShape& b) {
    return std::tie(a.rows, a.plan, a.searches) < std::tie(b.rows, b.plan, b.searches);
  }
};

/// Steps of a few shapes, recorded for good. Rows are powers of two and the largest number; where replaying saves nothing, every
/// number is its own and nothing is recorded. A shape is recorded when it is needed: most programs use two or three, and a
/// recording takes memory and some milliseconds. Its first step runs as it is, so that the second finds kernels loaded and
/// products chosen when it is recorded.
class StepRecordings {
 public:
  StepRecordings(Backend& backend, std::int32_t max_rows) : backend_(&backend), max_rows_(max_rows) {}

  /// The rows of a step for so many of them. Precondition: 1 <= rows <= max_rows.
  [[nodiscard]] std::int32_t size_for(std::int32_t rows) const;
  /// Enqueues work, which is always the same for a shape. Where there are too many recordings, all but its own go.
  void run(const StepShape& shape, const std::function<void()>& work);
  /// Work is other work from now on.
  void clear();
  /// There will be no more steps beside other searches than these.
  void forget_other(const BeamLayout& searches);

 private:
  struct Recording {
    bool has_run = false;
    std::unique_ptr<RecordedWork> work;
  };
  static constexpr std::size_t kMost = 64;

  Backend* backend_;
  std::int32_t max_rows_;
  std::map<StepShape, Recording> recordings_;
};

}  // namespace fllm
