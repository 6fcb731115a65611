// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace fllm {

/// Finds strings in a stream of bytes, one table look-up a byte (Aho, Corasick: "Efficient string matching", CACM 1975).
/// Immutable after construction, so safe to share between threads.
class ByteAutomaton {
 public:
  using State = std::int32_t;
  static constexpr State kRoot = 0;

  /// Precondition: no pattern is empty. Takes 4 bytes for each byte of them times the distinct ones, and some more.
  explicit ByteAutomaton(const std::vector<std::string>& patterns);

  [[nodiscard]] State next(State state, char byte) const {
    return next_[static_cast<std::size_t>(state) * class_count_ + class_of_[static_cast<unsigned char>(byte)]];
  }
  /// Bytes at the end of the stream that may still become a pattern.
  [[nodiscard]] std::int32_t depth(State state) const { return depth_[static_cast<std::size_t>(state)]; }
  /// The state of the longest shorter part of the end of the stream that may still become a pattern; of the root: itself.
  [[nodiscard]] State shorter(State state) const { return shorter_[static_cast<std::size_t>(state)]; }
  /// Bytes of the longest pattern that ends here; 0: none does.
  [[nodiscard]] std::int32_t match_length(State state) const { return match_length_[static_cast<std::size_t>(state)]; }
  [[nodiscard]] std::int32_t state_count() const { return static_cast<std::int32_t>(depth_.size()); }

 private:
  State add_state(std::int32_t depth);

  std::array<std::uint16_t, 256> class_of_{};  // of bytes; 0: in no pattern
  std::size_t class_count_ = 1;
  std::vector<State> next_;  // [states, classes]
  std::vector<std::int32_t> depth_, match_length_;
  std::vector<State> shorter_;
};

}  // namespace fllm
