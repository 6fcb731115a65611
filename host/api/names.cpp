// SPDX-License-Identifier: Apache-2.0
#include "fundamentallm/request.h"

namespace fllm {

std::string_view to_string(FinishReason reason) {
  switch (reason) {
    case FinishReason::kNone:
      return "none";
    case FinishReason::kEos:
      return "eos";
    case FinishReason::kStopToken:
      return "stop_token";
    case FinishReason::kStopString:
      return "stop_string";
    case FinishReason::kLength:
      return "length";
    case FinishReason::kContext:
      return "context";
    case FinishReason::kCancelled:
      return "cancelled";
    case FinishReason::kError:
      return "error";
    case FinishReason::kIncomplete:
      return "incomplete";
    case FinishReason::kDeadEnd:
      return "dead_end";
  }
  return "unknown";
}

}  // namespace fllm
