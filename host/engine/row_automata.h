// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "host/engine/automaton_memory.h"
#include "host/engine/request_state.h"

namespace fllm {

/// What a request's masks become on a device, its stop strings too where asked for. mask_words: of each mask.
/// Exception(kUnsupported) where the tables become too large. Precondition: a constraint's tables are complete.
[[nodiscard]] DeviceAutomaton automaton_of(const RequestState& request, std::size_t mask_words, bool with_stops);

/// Which rows that draw can do without the host: their automata are built when they first could, kept for requests that ask for
/// the same, and given back when a request goes.
class RowAutomata {
 public:
  /// memory must outlive this.
  RowAutomata(AutomatonMemory& memory, const StepCapacity& capacity)
      : memory_(&memory), mask_words_(capacity.mask_words_per_row()) {}

  /// Whether the masks of the request's rows are on the device, if they have any. Does a part of what is left to do for it, which
  /// takes less than a millisecond, but for the last one: some for each thousand states.
  [[nodiscard]] bool prepare(RequestState& request);
  /// The request goes.
  void release(RequestState& request);

 private:
  /// What requests with equal automata have alike.
  struct Entry {
    std::shared_ptr<ConstraintTables> constraint;
    std::shared_ptr<const BannedText> banned_text;
    std::string prefix;
    std::vector<TokenId> ban_ids;
    std::shared_ptr<const DeviceAutomaton> tables;
  };
  [[nodiscard]] std::shared_ptr<const DeviceAutomaton> build(const RequestState& request);

  AutomatonMemory* memory_;
  std::size_t mask_words_;
  std::vector<Entry> entries_;  // the one used last in front
};

}  // namespace fllm
