// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <semaphore>
#include <string>
#include <vector>

#include "host/constraint/constraint_cache.h"
#include "host/engine/last_made.h"
#include "host/engine/preparing_place.h"
#include "host/engine/request_state.h"
#include "host/engine/vocabulary.h"
#include "host/tokenizer/tokenizer.h"

namespace fllm {

/// Most ids of a row's side tables. More banned ids than this go into the row's mask instead.
constexpr std::int32_t kMaxBanList = 64;
constexpr std::int32_t kMaxEndIds = 1024;
constexpr std::int32_t kMaxBiasEntries = 4096;
constexpr std::int32_t kMaxLookupTokens = 16;
constexpr std::size_t kMaxChoices = 4096;
constexpr std::size_t kMaxSchemaBytes = std::size_t{1} << 20;  // and of all choices
constexpr std::size_t kMaxControlBytes = 16384;  // of all stop strings, of all banned texts, of the prefix

/// Checks requests against a model and works out what the steps need. Compiled automata are kept for the next request
/// with the same strings, as the lines of a batch usually have. For any threads: what one request takes long for holds up no
/// other.
class RequestPreparer {
 public:
  RequestPreparer(const Tokenizer& tokenizer, const Vocabulary& vocabulary, std::int32_t context_length)
      : tokenizer_(&tokenizer),
        vocabulary_(&vocabulary),
        context_length_(context_length),
        constraints_(vocabulary.tokens) {}

  /// Exception(kInvalidArgument) with every violation, one a line; Exception(kContextOverflow) for a prompt that leaves
  /// no room for a token.
  [[nodiscard]] std::unique_ptr<RequestState> prepare(Request request);

 private:
  void check(const Request& request, RequestState& state) const;
  void set_lengths(RequestState& state) const;
  void set_end_and_banned_ids(RequestState& state) const;
  void set_sampling(RequestState& state) const;
  void set_constraints(RequestState& state, PreparingPlace& place);
  void set_custom_constraint(const CustomConstraint& custom, std::vector<std::uint32_t> usable,
                             RequestState& state) const;
  void set_beam(RequestState& state) const;

  static constexpr int kMostAtOnce = 4;  // requests: each may take some hundred megabytes

  std::counting_semaphore<> places_{kMostAtOnce};
  const Tokenizer* tokenizer_;
  const Vocabulary* vocabulary_;
  std::int32_t context_length_;
  LastMade<BannedText> last_banned_;
  LastMade<ByteAutomaton> last_stops_;
  ConstraintCache constraints_;
};

}  // namespace fllm
