// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fundamentallm/generator.h"

namespace fllm::cli {

/// One sample of a request; the request's seed, and what came of guessing ahead, if it did.
struct Drawn {
  Sample sample;
  std::uint64_t seed = 0;
  std::optional<SpeculationStats> speculation;
};
/// Runs a request for one sample; sink gets the text as it comes. A noted signal ends it as kCancelled. Errors: of the
/// request.
Drawn draw_one(Generator& generator, Request request, const std::function<void(std::string_view)>& sink);
/// How long the prompt of a turn may be: all but min(max_tokens, half) of the context, which are left for the output.
[[nodiscard]] std::int32_t prompt_limit(const Generator& generator, const Request& request);

/// A text that grows by turns. Where it exceeds the model's context, it is cut on the left.
class Conversation {
 public:
  explicit Conversation(Generator& generator) : generator_(generator) {}

  /// Errors: kInvalidArgument (invalid UTF-8).
  void append(std::string_view text);
  void clear() { ids_.clear(); }
  [[nodiscard]] bool empty() const { return ids_.empty(); }
  [[nodiscard]] bool ends_line() const { return ends_line_; }

  /// Draws one sample after the text so far, which leaves at least half the context for it; sink gets the text as it
  /// comes. The drawn text is not appended. Ends and errors: of draw_one.
  Drawn draw(Request request, const std::function<void(std::string_view)>& sink);

 private:
  Generator& generator_;
  std::vector<TokenId> ids_;  // at most the context length
  bool ends_line_ = true;
};

}  // namespace fllm::cli
