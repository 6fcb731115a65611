// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "cuda/cta/cta_concept.h"
#include "cuda/kernels/sample_params.h"
#include "cuda/portable/annotations.h"

// How a row's ids are shared out. A row belongs to the blocks of a cluster, each of which has a slice of consecutive ids;
// a slice is cut into chunks, one for each warp (on the CPU, where a warp is one thread, into up to 1,024 of them); what a
// lane has of a chunk is a part. No result depends on any of it.
namespace fllm::sampling {

constexpr std::int32_t kMaxVocab = 1 << 20;
constexpr std::int32_t kMaxBlocks = 8;           // of a row: the largest cluster every device has
constexpr std::int32_t kSerialMaxChunks = 1024;  // of a slice, when a warp is one thread
constexpr std::int32_t kGroupLanes = 32;         // lanes' worth of ids that are loaded together

/// Consecutive ids a lane loads with one instruction: 16 bytes of logits.
template <class LogitT>
constexpr std::int32_t kLaneIds = 16 / static_cast<std::int32_t>(sizeof(LogitT));

/// The same in a context; a lane that is alone has its ids one by one. All that a row knows of the type of its logits, so
/// that types of one size share the code behind the loading.
template <Cta C, class LogitT>
constexpr std::int32_t kRowIds = C::kWarpWidth > 1 ? kLaneIds<LogitT> : 1;

struct RowLayout {
  std::int32_t blocks = 1;       // of the row: 1, 2, 4 or 8
  std::int32_t chunks = 0;       // of a slice
  std::int32_t chunk_width = 0;  // ids, whole groups
  std::int32_t warp_width = 0;

  [[nodiscard]] FLLM_HOST_DEVICE std::int32_t slice_width() const { return chunks * chunk_width; }
  [[nodiscard]] FLLM_HOST_DEVICE std::int32_t parts() const { return chunks * warp_width; }
  /// Bytes of a block's dynamic shared memory: chunk masses, the parts' maxima and, unless the values live elsewhere, the
  /// slice. Each array starts at a multiple of 16.
  [[nodiscard]] FLLM_HOST_DEVICE std::int64_t mass_bytes() const { return (chunks * 8 + 15) / 16 * 16; }
  [[nodiscard]] FLLM_HOST_DEVICE std::int64_t part_bytes() const { return (parts() * 4 + 15) / 16 * 16; }
  [[nodiscard]] FLLM_HOST_DEVICE std::int64_t value_bytes() const { return std::int64_t{slice_width()} * 4; }
};

/// group: ids of a group, 32 lanes' worth (32 when a warp is one thread).
FLLM_HOST_DEVICE RowLayout row_layout(std::int32_t vocab, std::int32_t blocks, std::int32_t threads,
                                      std::int32_t warp_width, std::int32_t group) {
  if (warp_width == 1) {
    const std::int32_t width = (vocab + group * kSerialMaxChunks - 1) / (group * kSerialMaxChunks) * group;
    return {1, (vocab + width - 1) / width, width, 1};
  }
  const std::int32_t chunks = threads / warp_width;
  const std::int32_t span = blocks * chunks * group;
  return {blocks, chunks, (vocab + span - 1) / span * group, warp_width};
}

/// Where a lane's ids of a group lie: as 16-byte vectors that a warp reads without bank conflicts. Lane j holds the
/// kPerLane consecutive ids from j * kPerLane on; vector q of it lies at q * 128 + j * 4. With 4 ids a lane, and on the
/// CPU, position and id are the same.
template <Cta C, std::int32_t kIds>
struct Positions {
  static constexpr bool kSimt = C::kWarpWidth > 1;
  static constexpr std::int32_t kPerLane = kIds;
  static constexpr std::int32_t kVectors = kSimt ? kPerLane / 4 : 1;
  static constexpr std::int32_t kGroup = kGroupLanes * kPerLane;

  /// Position within the slice of the id `offset` ids behind its first.
  FLLM_DEVICE static std::int32_t of(std::int32_t offset) {
    if constexpr (kVectors == 1) {
      return offset;
    } else {
      const std::int32_t inside = offset % kGroup, within = inside % kPerLane;
      return offset - inside + within / 4 * (kGroupLanes * 4) + inside / kPerLane * 4 + within % 4;
    }
  }
};

}  // namespace fllm::sampling
