// SPDX-License-Identifier: Apache-2.0
#include "host/engine/scheduler.h"

#include <algorithm>

namespace fllm {

Wave Scheduler::admit(Room free, std::int32_t present) {
  Waiting& first = queue_.front();
  const Need& need = first.need;
  const std::int32_t blocks = std::max(0, free.blocks - (need.shared_blocks - present));
  const auto by_blocks = static_cast<std::int32_t>(blocks / need.sample_blocks());
  std::int32_t samples = std::min({need.sample_count - first.next_sample, free.rows / need.rows, by_blocks,
                                   free.logit_rows / (need.rows + need.drafts)});
  if (need.draft_blocks > 0) samples = std::min(samples, free.draft_blocks / need.draft_blocks);
  if (samples == 0) return {};
  const Wave wave = {need.request, first.next_sample, samples};
  first.next_sample += samples;
  if (first.next_sample == need.sample_count) queue_.pop_front();
  return wave;
}

void Scheduler::remove(RequestId request) {
  std::erase_if(queue_, [request](const Waiting& waiting) { return waiting.need.request == request; });
}

}  // namespace fllm
