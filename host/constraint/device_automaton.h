// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "host/constraint/banned_text.h"
#include "host/constraint/byte_automaton.h"
#include "host/constraint/prefix.h"

namespace fllm {

/// What constrains an output, as tables a device walks byte by byte: a state of the text so far, its successor for each byte,
/// the tokens it allows, and where a stop string is complete. States that allow the same tokens share a mask row.
class DeviceAutomaton {
 public:
  static constexpr std::int32_t kMaxStates = 1 << 15;
  static constexpr std::size_t kMaxMaskWords = std::size_t{1} << 26;

  /// base_mask: allow mask of the vocabulary, or empty; mask_words: of each mask row.
  explicit DeviceAutomaton(std::span<const std::uint32_t> base_mask = {}, std::size_t mask_words = 0);

  /// States whose masks allow what a forced prefix and banned text do, either of which may be null: first the bytes of the
  /// prefix, then the automaton over what may not be completed. Exception(kUnsupported) when the tables become too large.
  void constrain(const PrefixConstraint* prefix, const BannedText* banned);
  /// States that accept where a stop string is complete behind the prefix. Exception(kUnsupported) likewise.
  void stop_at(const ByteAutomaton& stops, const PrefixConstraint* prefix);

  [[nodiscard]] std::int32_t state_count() const { return static_cast<std::int32_t>(accepts.size()); }
  [[nodiscard]] std::int32_t mask_count() const { return static_cast<std::int32_t>(rows_.size()); }

  std::vector<std::int32_t> next;       // [states, 256]
  std::vector<std::int32_t> mask_rows;  // [states]; -1: everything is allowed
  std::vector<std::uint8_t> accepts;    // [states]
  std::vector<std::uint32_t> masks;     // [mask rows, words]
  std::int32_t mask_start = -1, stop_start = -1;
  std::int32_t base_row = -1;  // of the base mask

 private:
  std::int32_t row_of(const std::vector<std::uint32_t>& mask);
  void add_chain(std::string_view prefix, std::int32_t behind);
  void add_copy(const ByteAutomaton& automaton);
  void check_size(std::int64_t more_states) const;

  std::vector<std::uint32_t> base_;
  std::size_t words_;
  std::map<std::vector<std::uint32_t>, std::int32_t> rows_;  // of each mask there is
};

}  // namespace fllm
