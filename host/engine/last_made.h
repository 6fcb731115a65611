// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace fllm {

/// What was last made of some texts, kept for the next request with the same ones. For any threads.
template <class T>
class LastMade {
 public:
  /// make(): a T of these texts, called unless they are those of the last call.
  template <class Make>
  [[nodiscard]] std::shared_ptr<const T> of(const std::vector<std::string>& texts, const Make& make) {
    const std::lock_guard lock(mutex_);
    if (made_ == nullptr || texts_ != texts) {
      made_ = std::make_shared<const T>(make());
      texts_ = texts;
    }
    return made_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> texts_;
  std::shared_ptr<const T> made_;
};

}  // namespace fllm
