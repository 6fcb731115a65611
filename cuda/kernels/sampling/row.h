// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "cuda/kernels/sample_params.h"
#include "cuda/portable/numeric.h"
#include "cuda/primitives/bit_group.h"
#include "cuda/primitives/block_scan.h"

namespace fllm::sampling {

constexpr std::int32_t kMaxTiles = 1024;
constexpr std::int32_t kBins = 2048;
constexpr std::int32_t kLowestFinite = kOrderedMinusInfinity + 1;  // keys below it are forbidden ids

/// How a row is cut into tiles of consecutive ids: a function of the vocabulary alone.
struct Tiling {
  std::int32_t width = 0;  // ids of a tile, a power of two >= 32
  std::int32_t count = 0;  // <= kMaxTiles
};

FLLM_HOST_DEVICE Tiling tiling(std::int32_t vocab) {
  std::int32_t width = kGroupWidth;
  while (static_cast<std::int64_t>(width) * kMaxTiles < vocab) width *= 2;
  return {width, (vocab + width - 1) / width};
}

/// int32 elements of a row's working memory: the keys, padded to whole tiles, and a list of ids.
FLLM_HOST_DEVICE std::int64_t scratch_elements(std::int32_t vocab) {
  const Tiling tiles = tiling(vocab);
  return std::int64_t{2} * tiles.width * tiles.count;
}

struct SharedRow {
  std::int32_t tile_key[kMaxTiles];  // largest key of each tile
  Mass tile_mass[kMaxTiles];         // kept mass of each tile, or counts while ids are listed
  Mass bins[kBins];
  CrossingShared crossing;
  std::int32_t slots[kMaxWarps];
  std::int32_t found;
};

/// One row while it is worked on. keys [tile_count * tile_width] are the edited logits in ordered form; the padding
/// behind the vocabulary is forbidden, so loops run over whole tiles.
struct Row {
  std::int32_t* keys = nullptr;
  std::int32_t* list = nullptr;  // [tile_count * tile_width]
  Tiling tiles;
  std::int32_t vocab = 0;
  float maximum = 0;  // m: largest edited logit
  float scale = 0;    // s
  Mass min_mass = 1;  // smaller masses are outside the support

  [[nodiscard]] FLLM_DEVICE Mass mass(std::int32_t key) const {
    const Mass mass = mass_of_logit(from_ordered(key), maximum, scale);
    return mass >= min_mass ? mass : 0;
  }
};

/// The end of a prefix of the total order: (key descending, id ascending). The default keeps everything.
struct Cut {
  std::int32_t key = kOrderedMinusInfinity;
  std::int32_t id = INT32_MAX;

  [[nodiscard]] FLLM_DEVICE bool keeps(std::int32_t other_key, std::int32_t other_id) const {
    return other_key > key || (other_key == key && other_id <= id);
  }
};

}  // namespace fllm::sampling
