// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "fundamentallm/c_generator.h"
#include "fundamentallm/request.h"

/// A completion with what C reads of it laid out flat.
struct fllm_result {
  explicit fllm_result(fllm::Completion taken);

  fllm::Completion completion;
  struct Logprobs {
    std::vector<fllm_token_logprob> drawn;  // [tokens]
    std::vector<fllm_token_logprob> top;    // [tokens, top_count]
    std::int32_t top_count = 0;
  };
  std::vector<Logprobs> logprobs;  // [samples]
};
