// SPDX-License-Identifier: Apache-2.0
#include "host/engine/step_recordings.h"

#include <algorithm>
#include <bit>

namespace fllm {

std::int32_t StepRecordings::size_for(std::int32_t rows) const {
  if (!backend_->replay_pays()) return rows;
  return std::min(static_cast<std::int32_t>(std::bit_ceil(static_cast<std::uint32_t>(rows))), max_rows_);
}

void StepRecordings::run(const StepShape& shape, const std::function<void()>& work) {
  if (!backend_->replay_pays()) return work();
  if (recordings_.size() >= kMost && !recordings_.contains(shape)) recordings_.clear();
  Recording& recording = recordings_[shape];
  if (!recording.has_run) {
    recording.has_run = true;
    return work();
  }
  if (recording.work == nullptr) recording.work = backend_->record(work);
  recording.work->replay();
}

void StepRecordings::clear() {
  for (auto& [shape, recording] : recordings_) recording.work.reset();
}

void StepRecordings::forget_other(const BeamLayout& searches) {
  std::erase_if(recordings_, [&](const auto& recording) {
    const BeamLayout& of = recording.first.searches;
    return of.rows > 0 && of != searches;
  });
}

}  // namespace fllm
