// SPDX-License-Identifier: Apache-2.0
#include "apps/server/admission.h"

#include <string>

#include "apps/server/api_error.h"

namespace fllm::server {

void Admission::check_unlocked(std::int32_t samples) const {
  if (draining_) throw ApiError(503, "the server is shutting down", "", "shutting_down");
  if (samples > limit_ - samples_) {
    throw ApiError(429,
                   std::to_string(samples_) + " of " + std::to_string(limit_) +
                       " samples are under way or waiting: there is no room for " + std::to_string(samples) +
                       " more now",
                   "", "queue_full");
  }
}

void Admission::check(std::int32_t samples) const {
  const std::lock_guard lock(mutex_);
  check_unlocked(samples);
}

std::shared_ptr<void> Admission::enter(std::int32_t samples) {
  {
    const std::lock_guard lock(mutex_);
    check_unlocked(samples);
    ++requests_;
    samples_ += samples;
  }
  return {nullptr, [this, samples](void*) {
            const std::lock_guard lock(mutex_);
            --requests_;
            samples_ -= samples;
          }};
}

void Admission::drain() {
  const std::lock_guard lock(mutex_);
  draining_ = true;
}

std::int32_t Admission::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

std::int32_t Admission::samples() const {
  const std::lock_guard lock(mutex_);
  return samples_;
}

bool Admission::draining() const {
  const std::lock_guard lock(mutex_);
  return draining_;
}

}  // namespace fllm::server
