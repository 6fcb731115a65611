// SPDX-License-Identifier: Apache-2.0
#include "host/engine/step_recordings.h"

#include <algorithm>

namespace fllm {

StepRecordings::StepRecordings(Backend& backend, std::int32_t max_rows) : backend_(&backend) {
  if (!backend.replay_pays()) return;
  for (std::int32_t size = 1; size < max_rows; size *= 2) recordings_.push_back({size, false, nullptr});
  recordings_.push_back({max_rows, false, nullptr});
}

std::int32_t StepRecordings::size_for(std::int32_t rows) const {
  if (recordings_.empty()) return rows;
  return std::ranges::lower_bound(recordings_, rows, {}, &Recording::size)->size;
}

void StepRecordings::run(std::int32_t size, const std::function<void()>& work) {
  if (recordings_.empty()) return work();
  Recording& recording = *std::ranges::lower_bound(recordings_, size, {}, &Recording::size);
  if (!recording.has_run) {
    recording.has_run = true;
    return work();
  }
  if (recording.work == nullptr) recording.work = backend_->record(work);
  recording.work->replay();
}

void StepRecordings::clear() {
  for (Recording& recording : recordings_) recording.work.reset();
}

}  // namespace fllm
