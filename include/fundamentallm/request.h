// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "fundamentallm/chat.h"
#include "fundamentallm/export.h"
#include "fundamentallm/metrics.h"
#include "fundamentallm/options.h"
#include "fundamentallm/result.h"

namespace fllm {

enum class RequestId : std::uint64_t {};

/// One prompt and how to go on from it.
struct Request {
  /// Text (UTF-8), to which the token is added that the model expects in front; ids, to which nothing is added; or a
  /// conversation, which becomes ids as by Generator::encode_chat. An empty prompt starts from <BOS>.
  std::variant<std::string, std::vector<TokenId>, std::vector<ChatMessage>> prompt;
  std::int32_t num_samples = 1;  ///< [1, 4096]; they share one prefill
  std::int32_t logprobs = -1;    ///< [0, 32] most likely tokens beside each drawn one; 0: the drawn one alone; -1: none
  bool truncate_prompt = false;  ///< a prompt that fills the context keeps its end: all but the last min(max_tokens,
                                 ///< context / 2) tokens of the context, which are left for the output
  SamplingOptions sampling;
  LengthOptions length;
  StopOptions stop;
  ControlOptions control;
  std::optional<BeamOptions> beam;  ///< search instead of drawing: num_samples 1, logprobs 0 or -1, no penalty_window
  std::optional<SpeculationOptions> speculation = {};  ///< not with beam search
};

/// Why a sample ended.
enum class FinishReason {
  kNone,  ///< it has not
  kEos,   ///< an end token of the model, or the text that a constraint asks for is whole
  kStopToken,
  kStopString,
  kLength,   ///< max_tokens or max_length
  kContext,  ///< the model's context is full
  kCancelled,
  kError,       ///< see Sample::error
  kIncomplete,  ///< as kLength or kContext, before the text was what a constraint or prefix asks for
  kDeadEnd,     ///< what is asked for leaves no token to go on with; see Sample::error
};
[[nodiscard]] FLLM_API std::string_view to_string(FinishReason reason);

/// Log-probabilities are natural. raw: log-softmax of the model's own logits at temperature 1;
/// processed: within the kept set after all edits and filters (-inf outside it).
struct TokenLogprob {
  TokenId id = 0;
  float raw = 0;
  float processed = 0;
};

struct TokenDetail {
  TokenLogprob drawn;
  std::int32_t rank = 0;          ///< how many ids precede it in the total order; 0: the most likely
  std::vector<TokenLogprob> top;  ///< most likely first, after edits
};

/// How a beam search has judged a hypothesis.
struct BeamScore {
  float sum = 0;                ///< of the log-probabilities after edits, in binary32, in the order of the tokens
  float score = 0;              ///< sum by the length norm: what hypotheses are ordered by
  std::vector<float> logprobs;  ///< one per token, after edits
};

/// One sample of a finished request.
struct Sample {
  std::string text;             ///< the generated part
  std::vector<TokenId> tokens;  ///< generated ids, an end token included
  FinishReason finish_reason = FinishReason::kNone;
  double sum_logprob = 0;            ///< raw, over tokens
  double mean_logprob = 0;           ///< sum_logprob / tokens.size(); 0 when there are none
  std::vector<TokenDetail> details;  ///< one per token when Request::logprobs >= 0
  std::optional<Error> error;        ///< set when finish_reason is kError or kDeadEnd
  std::optional<BeamScore> beam;     ///< of a beam search's hypotheses, whose sum_logprob and details are after edits
};

struct Usage {
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;  ///< over all samples
  std::int64_t cached_tokens = 0;  ///< of the prompt: the first sample shared an earlier request's, and read the rest
};

struct Timing {
  double queue_seconds = 0;    ///< submit to admission
  double prefill_seconds = 0;  ///< admission to first token
  double decode_seconds = 0;   ///< first token to the end
};

struct Completion {
  RequestId request{};
  std::vector<Sample>
      samples;  ///< Request::num_samples of them, in sample order; hypotheses of a beam search, best first
  std::uint64_t seed = 0;
  Usage usage;
  Timing timing;
  std::optional<SpeculationStats> speculation = {};  ///< where the request speculates, over all samples
};

/// What one step did to one sample. Text is safe to show: it is never withdrawn. Of a beam search the first tokens of the best
/// hypothesis come as soon as nothing can change them, without details; the rest, and the other hypotheses, at the end.
struct StepEvent {
  RequestId request{};
  std::int32_t sample = 0;
  std::string text;                                  ///< possibly empty (held back or an end token)
  std::optional<TokenId> token;                      ///< none in an event that only flushes text
  FinishReason finish_reason = FinishReason::kNone;  ///< set in the sample's last event
  std::optional<TokenDetail> detail = {};            ///< of the token, where Request::logprobs >= 0
  bool last = false;                                 ///< of the request
};

/// Every violation of a request that can be told without a model, as "name: value: what is allowed".
[[nodiscard]] FLLM_API std::vector<std::string> violations(const Request& request);
/// Those, and token ids that a model of this many tokens does not have.
[[nodiscard]] FLLM_API std::vector<std::string> violations(const Request& request, std::int32_t vocab_size);

}  // namespace fllm
