// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "cuda/kernels/append_to_history.h"
#include "cuda/kernels/sample_params.h"
#include "cuda/kernels/sampling/row_layout.h"
#include "cuda/portable/bits.h"
#include "cuda/portable/numeric.h"
#include "cuda/portable/vector4.h"
#include "cuda/primitives/block_scan.h"

namespace fllm::sampling {

constexpr std::int32_t kBins = 1024;
constexpr std::int32_t kListCapacity = 512;

/// What a block tells the others of its cluster.
struct Notice {
  Mass word[4];
};

/// A value and its id in one number, larger for what comes earlier in the total order.
using OrderCode = long long;

struct ShortList {
  OrderCode code[kListCapacity];    // as collected, in no order
  OrderCode sorted[kListCapacity];  // descending
};

/// Which ids a list names, by bins: see each_named.
struct Marks {
  std::uint32_t taken[kBins];
  std::uint32_t named[kBins];
};

struct SharedRow {
  std::uint64_t sampling_words[sizeof(RowSampling) / 8];  // a RowSampling: shared memory is not constructed
  union {                                                 // never needed at once
    Mass bins[kBins];
    ShortList list;
    Marks marks;
    Mass sums[3][kMaxWarps];
  };
  Notice notices[2][kMaxBlocks];  // two, used in turn: a block may be a notice ahead of another
  CrossingShared crossing;
  Mass list_slots[kMaxWarps];
  std::int32_t slots[kMaxWarps];
  std::int32_t warp_has_nan[kMaxWarps];
  HistoryShared history;
  Notice summary;      // what all blocks' notices come to, for the whole block
  std::uint64_t bits;  // random ones, of the row's draw
  std::uint32_t list_count;
  std::int32_t has_edits;       // lists that are not empty
  std::uint32_t filter_uses;    // FilterUse bits
  std::int32_t sequence_begin;  // tokens that take part, with kReadsSequence
  std::int32_t sequence_end;
  float mirostat_mu;  // likewise
  std::int32_t found;
  float limits[3];  // what limit_of found, by its slot

  [[nodiscard]] FLLM_DEVICE RowSampling& sampling() { return *reinterpret_cast<RowSampling*>(sampling_words); }
};

FLLM_DEVICE bool is_greedy(const RowSampling& s) { return s.temperature == 0.0f || s.top_k == 1; }
FLLM_DEVICE bool has_top_k(const RowSampling& s, std::int32_t vocab) { return s.top_k > 0 && s.top_k < vocab; }

/// A logit as the row sees it: NaN is -inf.
FLLM_DEVICE float sanitised(float logit) { return logit == logit ? logit : -infinity32(); }

/// The end of a prefix of the total order: (value descending, id ascending).
struct Cut {
  float value = 0;
  std::int32_t id = INT32_MAX;

  [[nodiscard]] FLLM_DEVICE bool keeps(float other, std::int32_t other_id) const {
    return other > value || (other == value && other_id <= id);
  }
};

/// The beginning of a stretch of the total order, with the end that a Cut is.
struct Start {
  float value = infinity32();
  std::int32_t id = 0;

  [[nodiscard]] FLLM_DEVICE bool keeps(float other, std::int32_t other_id) const {
    return other < value || (other == value && other_id >= id);
  }
};

/// One row while it is worked on, as a thread of one of its blocks sees it. Values are the edited logits, never NaN; ids
/// behind the vocabulary have -inf. -0 and +0 are equal, as floats are compared.
template <Cta C, std::int32_t kIds>
struct Row {
  using Place = Positions<C, kIds>;

  RowLayout layout;
  std::int32_t vocab = 0;
  std::int32_t first_id = 0;     // what the ids of side tables begin at
  std::int32_t rank = 0;         // of this block
  std::int32_t begin = 0;        // first id of its slice
  float* values = nullptr;       // [slice], in positions
  float* parts = nullptr;        // [parts] largest value of each
  Mass* chunk_masses = nullptr;  // [chunks]
  float* streamed = nullptr;     // the row in global memory, in positions: of rows too large for shared memory
  std::uint32_t turn = 0;        // of SharedRow::notices

  float maximum = 0;  // m: largest edited logit
  float scale = 0;    // s

  /// The mass of a value. Made once in front of a loop.
  [[nodiscard]] FLLM_DEVICE MassFunction mass() const { return {maximum, scale}; }
  [[nodiscard]] FLLM_DEVICE std::int32_t part_of(const C& cta, std::int32_t chunk) const {
    return chunk * C::kWarpWidth + cta.lane();
  }
  /// Whether an id is one of this block's slice, and of the vocabulary.
  [[nodiscard]] FLLM_DEVICE bool owns(std::int32_t id) const {
    return static_cast<std::uint32_t>(id) - static_cast<std::uint32_t>(begin) <
               static_cast<std::uint32_t>(layout.slice_width()) &&
           id < vocab;
  }
  /// An id of this block's slice.
  [[nodiscard]] FLLM_DEVICE float& own(std::int32_t id) const { return values[Place::of(id - begin)]; }
  /// Any id of the row, in whichever block it lies.
  [[nodiscard]] FLLM_DEVICE float& any(const C& cta, std::int32_t id) const {
    const std::int32_t owner = id / layout.slice_width(), offset = id - owner * layout.slice_width();
    const std::int32_t position = Place::of(offset);
    if (streamed != nullptr) return streamed[owner * layout.slice_width() + position];
    return *cta.remote(values + position, owner);
  }
};

/// What a FLLM_DEVICE_RARE function found, and the turn of its copy of the row.
template <class T>
struct Outcome {
  T value;
  std::uint32_t turn;
};

/// Goes on with a row where the function ended.
template <Cta C, std::int32_t kIds, class T>
FLLM_DEVICE T resume(Row<C, kIds>& row, const Outcome<T>& outcome) {
  row.turn = outcome.turn;
  return outcome.value;
}

}  // namespace fllm::sampling
