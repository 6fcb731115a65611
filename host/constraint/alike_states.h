// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "host/constraint/byte_dfa.h"
#include "host/constraint/refinement.h"

namespace fllm {

/// States of an automaton that no text of at most so many bytes tells apart: behind each part of it both are in states of one
/// kind. Of a long repetition most states are alike, though no two accept the same texts. Moore's refinement, a round for each
/// byte ("Gedanken-experiments on sequential machines", 1956), in which only sets that were parted in the round before
/// part others, the smaller parts alone (Hopcroft): O(transitions * log(states)) for all rounds.
class AlikeStates {
 public:
  /// kinds: [states].
  AlikeStates(const ByteDfa& dfa, std::span<const std::uint8_t> kinds, std::int32_t bytes);

  /// Whether further rounds part no states.
  [[nodiscard]] bool is_done() const { return rounds_left_ == 0 || parted_from_ == sets_.set_count(); }
  /// One round; the states and transitions it looked at. Precondition: !is_done().
  std::int64_t refine();
  /// [states]: the first of those that are alike, which the state itself may be. Precondition: is_done().
  [[nodiscard]] std::vector<ByteDfa::State> first_alike() const;

 private:
  std::int64_t part_by(std::span<const ByteDfa::State> states);

  std::int32_t classes_, rounds_left_;
  Incoming incoming_;  // transitions: state * classes_ + class
  Refinement sets_;
  Refinement::Index parted_from_ = 0;                  // sets from it on are of the last round
  std::vector<std::vector<ByteDfa::State>> by_class_;  // from where a class of bytes leads into a set
};

}  // namespace fllm
