// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>

namespace fllm::server {

/// How much is under way, and whether more may come. Thread-safe; must outlive what enter returned.
class Admission {
 public:
  /// samples: in the batch and waiting for it, of all requests.
  explicit Admission(std::int32_t samples) : limit_(samples) {}

  /// ApiError 503 while draining, 429 where there is no room.
  void check(std::int32_t samples) const;
  /// The same; room for these samples until what is returned is let go.
  [[nodiscard]] std::shared_ptr<void> enter(std::int32_t samples);
  /// From now on nothing more may come.
  void drain();

  [[nodiscard]] std::int32_t limit() const { return limit_; }
  [[nodiscard]] std::int32_t requests() const;
  [[nodiscard]] std::int32_t samples() const;
  [[nodiscard]] bool draining() const;

 private:
  void check_unlocked(std::int32_t samples) const;

  mutable std::mutex mutex_;
  std::int32_t limit_;
  std::int32_t requests_ = 0, samples_ = 0;
  bool draining_ = false;
};

}  // namespace fllm::server
