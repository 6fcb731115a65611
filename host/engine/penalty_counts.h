// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cuda/kernels/sample_params.h"
#include "fundamentallm/options.h"

namespace fllm {

/// The distinct ids of one sequence with what the penalties need to know of them, kept up to date token by token.
class PenaltyCounts {
 public:
  PenaltyCounts() = default;
  /// Room for token_limit tokens of a vocabulary; window: the repetition penalty sees this many last tokens, 0: all.
  PenaltyCounts(std::int32_t vocab, std::int32_t token_limit, std::int32_t window);

  void append(TokenId id, bool output);
  /// Likewise of the output, until step_back. At most kMaxDraftTokens in a row.
  void step_over(TokenId id);
  /// Forgets what was stepped over.
  void step_back();
  /// Whether a token leaves the window again.
  [[nodiscard]] bool windowed() const { return !recent_.empty(); }
  [[nodiscard]] std::span<const CountEntry> entries() const { return entries_; }

 private:
  struct Step {  // what step_over replaced
    TokenId id;
    TokenId left;  // the window; kNone: nothing did
    bool is_new;
  };
  static constexpr TokenId kNone = -1;

  [[nodiscard]] std::size_t slot_of(TokenId id) const;
  std::size_t entry_of(TokenId id);
  TokenId& place_in_window(std::int64_t index);

  std::vector<CountEntry> entries_;
  std::vector<std::int32_t> in_window_;  // per entry: its tokens within the window
  std::vector<std::int32_t> slots_;      // open addressing: entry index, or -1; a power of two, at most half full
  std::vector<TokenId> recent_;          // ring of the window's tokens
  std::int64_t appended_ = 0;
  std::vector<Step> steps_;
};

}  // namespace fllm
