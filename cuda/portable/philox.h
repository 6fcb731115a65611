// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "cuda/portable/annotations.h"

// Philox4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
namespace fllm {

/// What a stream of random bits is for. Streams are never shared: a draft and its verification must not see equal bits.
enum class RandomStream : std::uint32_t { kTarget = 0, kDraft = 1, kAcceptance = 2, kResidual = 3, kBeam = 4 };

/// Names one block of random bits. Nothing of batch, slot, launch or device is in it.
struct RandomCounter {
  std::uint32_t position = 0;  ///< index in the sequence of the token being drawn
  std::uint32_t sample = 0;    ///< index of the sample within its request
  RandomStream stream = RandomStream::kTarget;
  std::uint32_t block = 0;
};

struct PhiloxBlock {
  std::uint32_t word[4];
};

FLLM_HOST_DEVICE PhiloxBlock philox(std::uint64_t key, PhiloxBlock counter) {
  std::uint32_t key_low = static_cast<std::uint32_t>(key), key_high = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53u} * counter.word[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57u} * counter.word[2];
    counter = {{static_cast<std::uint32_t>(b >> 32) ^ counter.word[1] ^ key_low, static_cast<std::uint32_t>(b),
                static_cast<std::uint32_t>(a >> 32) ^ counter.word[3] ^ key_high, static_cast<std::uint32_t>(a)}};
    key_low += 0x9E3779B9u;
    key_high += 0xBB67AE85u;
  }
  return counter;
}

/// 64 random bits for (seed, counter): words 0 (low) and 1 (high) of the block.
FLLM_HOST_DEVICE std::uint64_t random_bits(std::uint64_t seed, RandomCounter counter) {
  const PhiloxBlock block =
      philox(seed, {{counter.position, counter.sample, static_cast<std::uint32_t>(counter.stream), counter.block}});
  return (std::uint64_t{block.word[1]} << 32) | block.word[0];
}

}  // namespace fllm
