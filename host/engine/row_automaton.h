// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "host/constraint/device_automaton.h"

namespace fllm {

/// Where an automaton lies among those on the device.
struct AutomatonPlace {
  std::int64_t states = 0, masks = 0;  // the first ones

  [[nodiscard]] std::int32_t state(std::int32_t of_automaton) const {
    return static_cast<std::int32_t>(states) + of_automaton;
  }
  /// In a state; -1: where there is none. -1 if everything is allowed.
  [[nodiscard]] std::int32_t mask_row(const DeviceAutomaton& automaton, std::int32_t state_there) const {
    const std::int32_t row =
        state_there >= 0 ? automaton.mask_rows[static_cast<std::size_t>(state_there)] : automaton.base_row;
    return row >= 0 ? static_cast<std::int32_t>(masks) + row : -1;
  }
};

/// What rows of a request follow on the device by themselves.
struct RowAutomaton {
  std::shared_ptr<const DeviceAutomaton> tables;  // null: not built yet, or nothing restrains the rows
  std::optional<AutomatonPlace> place;            // none: it does not lie on the device
  bool too_large = false;                         // for a device: its rows stay with the host
};

}  // namespace fllm
