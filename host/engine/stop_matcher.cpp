// SPDX-License-Identifier: Apache-2.0
#include "host/engine/stop_matcher.h"

namespace fllm {

bool StopMatcher::feed(std::string_view bytes, bool accept, std::string& out) {
  if (stops_ == nullptr) {
    out += bytes;
    return false;
  }
  for (const char byte : bytes) {
    state_ = stops_->next(state_, byte);
    const auto match = static_cast<std::size_t>(stops_->match_length(state_));
    if (keep_stop_) {
      out.push_back(byte);
    } else {
      held_.push_back(byte);
    }
    if (accept && match > 0) {
      if (!keep_stop_) out.append(held_, 0, held_.size() - match);
      held_.clear();
      return true;
    }
    if (!keep_stop_) {
      const std::size_t safe = held_.size() - static_cast<std::size_t>(stops_->depth(state_));
      out.append(held_, 0, safe);
      held_.erase(0, safe);
    }
  }
  return false;
}

void StopMatcher::finish(std::string& out) {
  out += held_;
  held_.clear();
}

}  // namespace fllm
