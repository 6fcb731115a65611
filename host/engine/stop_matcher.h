// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "host/constraint/byte_automaton.h"

namespace fllm {

/// Looks for stop strings in one sample's output. Bytes that may be the beginning of one are held back, no others: what
/// has been passed on is never withdrawn. The stop string that is complete first counts; of several that are complete at
/// the same byte, the longest.
class StopMatcher {
 public:
  /// stops: null when there are none.
  StopMatcher(std::shared_ptr<const ByteAutomaton> stops, bool keep_stop)
      : stops_(std::move(stops)), keep_stop_(keep_stop) {}

  /// Appends to out what is certain to be output. True: a stop string is complete; the bytes after it are dropped, and
  /// its own too unless keep_stop. accept false: completed stop strings are ordinary text.
  bool feed(std::string_view bytes, bool accept, std::string& out);
  /// The end of the output: appends what was held back.
  void finish(std::string& out);

 private:
  std::shared_ptr<const ByteAutomaton> stops_;
  bool keep_stop_;
  ByteAutomaton::State state_ = ByteAutomaton::kRoot;
  std::string held_;  // as many bytes as the state is deep; none with keep_stop
};

}  // namespace fllm
