// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "cuda/backend/backend.h"
#include "cuda/kernels/automaton_params.h"
#include "host/engine/batch.h"
#include "host/engine/regions.h"
#include "host/engine/row_automaton.h"
#include "host/engine/vocabulary.h"

namespace fllm {

/// The automata of requests on the device, each once however many follow it. Its memory is taken when the first one comes, and
/// never moves then: who restrains nothing pays nothing. What nobody follows any more stays until its place is needed.
class AutomatonMemory {
 public:
  AutomatonMemory(Backend& backend, const StepCapacity& capacity, const Vocabulary& vocabulary);

  /// Whether take would find a place. Any automaton has one when it is alone.
  [[nodiscard]] bool has_room(const DeviceAutomaton& automaton);
  /// Uploads what is not there. None: others leave no place now.
  [[nodiscard]] std::optional<AutomatonPlace> take(const std::shared_ptr<const DeviceAutomaton>& automaton);
  /// Once for each take.
  void give_back(const DeviceAutomaton& automaton);

  // Null while nothing was taken.
  [[nodiscard]] ByteAutomata automata() const;
  [[nodiscard]] const std::uint32_t* masks() const { return masks_.data(); }

 private:
  struct Entry {
    std::shared_ptr<const DeviceAutomaton> automaton;
    AutomatonPlace place;
    std::int32_t users = 0;
  };
  [[nodiscard]] std::vector<Entry>::iterator find(const DeviceAutomaton& automaton);
  void make();
  void upload(const DeviceAutomaton& automaton, const AutomatonPlace& place);

  Backend* backend_;
  StepCapacity capacity_;
  const Vocabulary* vocabulary_;
  Regions free_states_, free_masks_;
  std::vector<Entry> entries_;  // the one taken first in front
  DeviceArray<std::int32_t> next_, mask_rows_, forced_tokens_, spelled_tokens_;
  DeviceArray<std::uint8_t> flags_, bytes_;
  DeviceArray<std::int64_t> offsets_;
  DeviceArray<std::uint32_t> masks_;
};

}  // namespace fllm
