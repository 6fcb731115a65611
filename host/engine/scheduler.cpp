// SPDX-License-Identifier: Apache-2.0
#include "host/engine/scheduler.h"

#include <algorithm>

namespace fllm {

std::int32_t Scheduler::wave_samples(const Need& need) const {
  const std::int32_t blocks = capacity_.blocks - need.shared_blocks;
  if (blocks < need.own_blocks) return 0;
  const std::int32_t by_blocks = need.own_blocks > 0 ? blocks / need.own_blocks : need.sample_count;
  return std::min({need.sample_count, capacity_.rows, by_blocks});
}

void Scheduler::enqueue(const Need& need) { queue_.push_back({need, 0}); }

Wave Scheduler::admit(Room free) {
  if (queue_.empty()) return {};
  Waiting& first = queue_.front();
  Need rest = first.need;
  rest.sample_count -= first.next_sample;
  const std::int32_t samples = wave_samples(rest);
  const std::int32_t blocks = rest.shared_blocks + samples * rest.own_blocks;
  if (samples > free.rows || blocks > free.blocks) return {};
  const Wave wave = {rest.request, first.next_sample, samples, blocks};
  first.next_sample += samples;
  if (first.next_sample == first.need.sample_count) queue_.pop_front();
  return wave;
}

void Scheduler::remove(RequestId request) {
  std::erase_if(queue_, [request](const Waiting& waiting) { return waiting.need.request == request; });
}

}  // namespace fllm
