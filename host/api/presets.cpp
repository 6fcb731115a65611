// SPDX-License-Identifier: Apache-2.0
#include "fundamentallm/options.h"

namespace fllm {

std::optional<SamplingOptions> sampling_preset(std::string_view name) {
  SamplingOptions options;
  if (name == "default") {
    options.temperature = 0.8f;
    options.top_k = 50;
    options.top_p = 0.9f;
  } else if (name == "creative") {
    options.temperature = 1.0f;
    options.top_p = 0.95f;
    options.repetition_penalty = 1.1f;
  } else if (name == "factual") {
    options.temperature = 0.5f;
    options.top_k = 20;
    options.top_p = 0.85f;
  } else if (name == "diverse") {
    options.temperature = 1.2f;
    options.top_p = 0.95f;
    options.repetition_penalty = 1.3f;
  } else {
    return std::nullopt;
  }
  return options;
}

}  // namespace fllm
