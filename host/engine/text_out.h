// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "host/engine/stop_matcher.h"
#include "host/engine/utf8_decoder.h"

namespace fllm {

/// From the bytes of drawn tokens to text that may be shown: stop strings, then UTF-8.
class TextOut {
 public:
  TextOut(std::shared_ptr<const ByteAutomaton> stops, bool keep_stop) : matcher_(std::move(stops), keep_stop) {}

  /// Text that no stop string may touch (a forced prefix).
  void pass(std::string_view bytes, std::string& out) { decoder_.feed(bytes, out); }
  /// True: a stop string ended the output.
  bool feed(std::string_view bytes, bool accept_stop, std::string& out) {
    bytes_.clear();
    const bool stopped = matcher_.feed(bytes, accept_stop, bytes_);
    decoder_.feed(bytes_, out);
    return stopped;
  }
  void finish(std::string& out) {
    bytes_.clear();
    matcher_.finish(bytes_);
    decoder_.feed(bytes_, out);
    decoder_.finish(out);
  }

 private:
  StopMatcher matcher_;
  Utf8Decoder decoder_;
  std::string bytes_;
};

}  // namespace fllm
