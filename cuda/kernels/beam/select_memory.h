// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/beam/beam_row.h"
#include "cuda/primitives/block_scan.h"

// The shared memory of a block that takes a search's step.
namespace fllm::beams {

/// Larger for candidates that come earlier in the total order: (rank descending, beam * V + token ascending).
using CandidateCode = long long;

constexpr std::int32_t kDigitBits = 8;
constexpr std::int32_t kDigits = 1 << kDigitBits;
constexpr std::int32_t kLeastSorted = 256;  // candidates there is always room for

/// Where the dynamic shared memory's arrays lie. limit: the most candidates of a search.
struct SelectLayout {
  std::int32_t sorted = 0;  // candidates sorted at once: a power of two
  std::int32_t width = 0;   // beams

  [[nodiscard]] FLLM_HOST_DEVICE static SelectLayout of(std::int32_t limit) {
    SelectLayout layout{kLeastSorted, limit < kMaxBeamWidth ? limit : kMaxBeamWidth};
    while (layout.sorted < limit) layout.sorted *= 2;
    return layout;
  }
  [[nodiscard]] FLLM_HOST_DEVICE std::size_t bytes() const {
    return static_cast<std::size_t>(sorted) * (8 + 4 + 4) + static_cast<std::size_t>(width) * 7 * 4;
  }
};

/// A block's arrays.
struct SelectArrays {
  CandidateCode* codes;   // [sorted] descending, once they are sorted
  std::uint32_t* places;  // [sorted] of BeamParams::candidates, from the search's first row on
  std::int32_t* kinds;    // [sorted] BeamEnd of each candidate
  float* cums;            // [width] of the next live beams; -inf: none
  std::int32_t* taken;    // [width] tokens with which beams of this step and its earlier groups go on
  std::int32_t* entered;  // [width] places in the order of the candidates that enter the pool
  std::int32_t* masks;    // [width] states of the next live beams
  std::int32_t* stops;    // [width]
  float* scores;          // [width] of the pool
  float* new_scores;      // [width] of what enters it

  FLLM_DEVICE SelectArrays(void* memory, const SelectLayout& layout)
      : codes(static_cast<CandidateCode*>(memory)),
        places(reinterpret_cast<std::uint32_t*>(codes + layout.sorted)),
        kinds(reinterpret_cast<std::int32_t*>(places + layout.sorted)),
        cums(reinterpret_cast<float*>(kinds + layout.sorted)),
        taken(reinterpret_cast<std::int32_t*>(cums + layout.width)),
        entered(taken + layout.width),
        masks(entered + layout.width),
        stops(masks + layout.width),
        scores(reinterpret_cast<float*>(stops + layout.width)),
        new_scores(scores + layout.width) {}
};

struct SelectShared {
  std::uint32_t digits[kDigits];
  CrossingShared crossing;
  Mass scan_slots[kMaxWarps];
  std::int32_t slots[kMaxWarps];
  std::int32_t key_slots[kMaxWarps];
  std::uint32_t listed;
};

/// What the parts of a step share: one group of a search at a time.
struct SelectStep {
  const BeamParams& p;
  BeamSearch& search;
  SelectArrays arrays;
  std::int32_t step;         // the one that is taken
  std::int32_t group_width;  // beams of a group
  std::int32_t sorted;       // room for candidates
};

}  // namespace fllm::beams
