// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "apps/server/completion_request.h"
#include "fundamentallm/generator.h"

namespace fllm::server {

/// Of all prompts of a request.
[[nodiscard]] Usage total_usage(const std::vector<Completion>& completions);

/// Writes the objects of one response: the whole one, or the chunks of a stream. Choices are numbered prompt by prompt.
class ReplyWriter {
 public:
  ReplyWriter(const Generator& generator, const CompletionRequest& request, std::string model);

  /// completions: one for each prompt.
  [[nodiscard]] std::string whole(const std::vector<Completion>& completions) const;

  /// What a choice begins with: the role, or the prompt where it is echoed; empty: nothing.
  [[nodiscard]] std::string first_chunk(std::size_t choice) const;
  /// Text and log-probabilities of an event; empty: it shows nothing.
  [[nodiscard]] std::string chunk(std::size_t choice, const StepEvent& event);
  [[nodiscard]] std::string last_chunk(std::size_t choice, FinishReason reason) const;
  /// Of a beam search's hypothesis, whose log-probabilities and scores are known at its end.
  [[nodiscard]] std::string last_chunk(std::size_t choice, const Sample& hypothesis) const;
  [[nodiscard]] std::string usage_chunk(const Usage& usage) const;

 private:
  [[nodiscard]] std::string chunk_of(std::size_t choice, const std::string& text,
                                     const nlohmann::ordered_json& logprobs, const char* finish_reason,
                                     const std::optional<BeamScore>& beam = {}) const;
  [[nodiscard]] nlohmann::ordered_json logprobs_json(const std::vector<TokenDetail>& details,
                                                     std::size_t& offset) const;
  [[nodiscard]] nlohmann::ordered_json chat_logprobs(const std::vector<TokenDetail>& details) const;
  [[nodiscard]] std::string shown_token(TokenId id) const;
  [[nodiscard]] std::size_t samples() const { return static_cast<std::size_t>(request_->choice_count()); }

  const Generator* generator_;
  const CompletionRequest* request_;
  std::string head_;  // of every chunk, up to its choices
  std::string id_, model_;
  std::int64_t created_;
  std::vector<std::string> echoed_;   // by prompt, where it is asked for
  std::vector<std::size_t> offsets_;  // by choice: code points of the tokens so far, for logprobs of a completion
};

}  // namespace fllm::server
