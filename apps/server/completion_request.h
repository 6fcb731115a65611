// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fundamentallm/request.h"

namespace fllm::server {

enum class Endpoint : unsigned { kCompletions = 1, kChat = 2 };

using Prompt = decltype(Request::prompt);

/// What the body of /v1/completions or /v1/chat/completions asks for.
struct CompletionRequest {
  Endpoint endpoint = Endpoint::kCompletions;
  std::vector<Prompt> prompts;
  Request options;  // of each prompt, which is not in it
  std::string model;
  bool stream = false;
  bool include_usage = false;  // in a stream
  bool echo = false;

  [[nodiscard]] bool is_chat() const { return endpoint == Endpoint::kChat; }
  /// Samples of each prompt that are returned, each a choice of the reply.
  [[nodiscard]] std::int32_t choice_count() const {
    return options.beam ? options.beam->num_return : options.num_samples;
  }
  [[nodiscard]] std::int64_t sample_count() const { return static_cast<std::int64_t>(prompts.size()) * choice_count(); }
  /// What all of it takes of the batch: a row for each sample, or for each beam.
  [[nodiscard]] std::int64_t row_count() const {
    return static_cast<std::int64_t>(prompts.size()) * (options.beam ? options.beam->width : options.num_samples);
  }
};

struct RequestLimits {
  std::int32_t max_tokens = 0;                         // new ones of a sample; 0: no limit
  std::int32_t context = 0;                            // the model's
  std::int32_t vocab_size = 0;                         // the model's
  std::int32_t max_samples = 0;                        // prompts times n, or times the beams of a search
  std::optional<SpeculationOptions> speculation = {};  // where a request says nothing of it
  bool has_draft_model = false;
};

/// ApiError 400 with every violation. A field that would change the text and is not supported is refused by name, and so is
/// one that is unknown; those that change nothing are passed over.
[[nodiscard]] CompletionRequest parse_completion(Endpoint endpoint, std::string_view body, const RequestLimits& limits);

}  // namespace fllm::server
