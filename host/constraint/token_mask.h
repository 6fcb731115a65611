// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "fundamentallm/options.h"

// Allow masks: bit i % 32 of word i / 32, 1: allowed. The layout the sampler reads.
namespace fllm {

inline std::int64_t mask_words(std::int32_t vocab) { return (std::int64_t{vocab} + 31) / 32; }

inline void allow_all(std::span<std::uint32_t> mask) { std::fill(mask.begin(), mask.end(), ~std::uint32_t{0}); }
inline void forbid_all(std::span<std::uint32_t> mask) { std::fill(mask.begin(), mask.end(), std::uint32_t{0}); }

inline void allow(std::span<std::uint32_t> mask, TokenId id) {
  mask[static_cast<std::size_t>(id) / 32] |= std::uint32_t{1} << (static_cast<std::uint32_t>(id) % 32);
}
inline void forbid(std::span<std::uint32_t> mask, TokenId id) {
  mask[static_cast<std::size_t>(id) / 32] &= ~(std::uint32_t{1} << (static_cast<std::uint32_t>(id) % 32));
}
inline bool is_allowed(std::span<const std::uint32_t> mask, TokenId id) {
  return ((mask[static_cast<std::size_t>(id) / 32] >> (static_cast<std::uint32_t>(id) % 32)) & 1u) != 0;
}

/// The one id that is allowed; none: there are several, or there is none.
inline std::optional<TokenId> only_allowed(std::span<const std::uint32_t> mask) {
  std::optional<TokenId> found;
  for (std::size_t word = 0; word < mask.size(); ++word) {
    if (mask[word] == 0) continue;
    if (found || !std::has_single_bit(mask[word])) return std::nullopt;
    found = static_cast<TokenId>(word * 32) + std::countr_zero(mask[word]);
  }
  return found;
}

}  // namespace fllm
