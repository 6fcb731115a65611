// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "cuda/kernels/model_params.h"
#include "cuda/kernels/sample_params.h"
#include "fundamentallm/request.h"
#include "host/constraint/banned_text.h"
#include "host/constraint/byte_automaton.h"
#include "host/constraint/constraint_tables.h"
#include "host/constraint/custom_constraint.h"
#include "host/constraint/prefix.h"
#include "host/engine/beam_plan.h"
#include "host/engine/row_automaton.h"
#include "host/engine/scheduler.h"

namespace fllm {

using Clock = std::chrono::steady_clock;

/// A request inside the engine: checked, with everything its samples share.
struct RequestState {
  Request request;
  std::vector<TokenId> prompt;                        // at least one
  std::vector<std::uint64_t> prompt_hashes;           // of its full blocks
  std::int32_t token_limit = 0;                       // prompt and output together; more than the prompt
  FinishReason limit_reason = FinishReason::kLength;  // or kContext: what sets token_limit
  std::int32_t min_tokens = 0;                        // of the output
  std::vector<TokenId> end_ids;                       // distinct
  std::vector<TokenId> ban_ids;                       // distinct; empty when there are so many that base_mask says it
  std::vector<std::uint32_t> base_mask;               // allow mask of the vocabulary, or empty
  std::vector<BiasEntry> bias;
  std::optional<PrefixConstraint> prefix;
  std::shared_ptr<ConstraintTables> constraint;          // of the whole output, the prefix included; null: none
  std::shared_ptr<const CustomSampleConstraint> custom;  // of the caller's own; null: none
  bool can_draw_end = false;                             // some end token is not banned
  std::shared_ptr<const BannedText> banned_text;         // null: nothing is banned
  std::shared_ptr<const ByteAutomaton> stops;            // null: no stop strings
  RowAutomaton automaton;                                // what of the above the rows follow without the host
  RowSampling sampling;                                  // what is the same in every row and step
  bool penalties = false;
  std::optional<BeamPlan> beam;  // none: tokens are drawn

  /// Whether anything but lists of ids says what may be drawn.
  [[nodiscard]] bool has_masks() const {
    return prefix || constraint != nullptr || custom != nullptr || banned_text != nullptr || !base_mask.empty();
  }
  /// The ids of a full block of the prompt.
  [[nodiscard]] std::span<const TokenId, kKvBlockTokens> prompt_block(std::size_t index) const {
    return std::span(prompt).subspan(index * kKvBlockTokens).first<kKvBlockTokens>();
  }

  Need need;
  Completion completion;
  std::int32_t unfinished = 0;  // samples
  Clock::time_point submitted;
  std::optional<Clock::time_point> admitted, first_token;
};

}  // namespace fllm
