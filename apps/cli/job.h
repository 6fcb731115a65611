// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "apps/cli/settings.h"
#include "fundamentallm/chat.h"
#include "fundamentallm/result.h"

namespace fllm::cli {

/// One prompt of a run.
struct Job {
  nlohmann::ordered_json id;   // as given (a string, number, bool or null), else the place in the input from 0
  std::int64_t line = 0;       // from 1; 0: not from a file of lines
  std::int64_t end_bytes = 0;  // where its line ends in the input
  Settings settings;
  std::string prompt;
  std::vector<ChatMessage> messages;  // of a conversation, which has no prompt; the system message of --system left out
  std::optional<Error> error;         // the input was bad: an error record stands in its place

  std::size_t control_bytes = 0;  // of the texts of its line that automata are made of

  /// About what it takes until it is written, on this side and the generator's.
  [[nodiscard]] std::size_t held_bytes() const {
    constexpr std::size_t kOfAutomata = 128;
    std::size_t bytes = prompt.size() + kOfAutomata * control_bytes;
    for (const ChatMessage& message : messages) bytes += message.text.size();
    return bytes;
  }
};

/// Gives the jobs of a run one by one.
class JobSource {
 public:
  enum class Status { kJob, kEnd, kWouldBlock };
  virtual ~JobSource() = default;
  /// With wait = false it never blocks.
  virtual Status next(Job& job, bool wait) = 0;
  /// Bytes of the whole input; 0: unknown.
  [[nodiscard]] virtual std::int64_t size_bytes() const { return 0; }
};

}  // namespace fllm::cli
