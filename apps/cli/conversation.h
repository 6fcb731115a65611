// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "fundamentallm/generator.h"

namespace fllm::cli {

/// A text that grows by turns. Where it exceeds the model's context, it is cut on the left.
class Conversation {
 public:
  explicit Conversation(Generator& generator) : generator_(generator) {}

  /// Errors: kInvalidArgument (invalid UTF-8).
  void append(std::string_view text);
  void clear() { ids_.clear(); }
  [[nodiscard]] bool empty() const { return ids_.empty(); }
  [[nodiscard]] bool ends_line() const { return ends_line_; }
  /// Of the last draw.
  [[nodiscard]] std::uint64_t last_seed() const { return last_seed_; }

  /// Draws one sample after the text so far, which leaves at least half the context for it; sink gets the text as it
  /// comes. The drawn text is not appended. A noted signal ends the sample as kCancelled. Errors: of the request.
  Sample draw(Request request, const std::function<void(std::string_view)>& sink);

 private:
  Generator& generator_;
  std::vector<TokenId> ids_;  // at most the context length
  bool ends_line_ = true;
  std::uint64_t last_seed_ = 0;
};

}  // namespace fllm::cli
