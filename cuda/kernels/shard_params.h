// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "cuda/kernels/sample_params.h"
#include "cuda/portable/annotations.h"

// Sampling over a vocabulary that is spread over ranks (docs/sampling.md, "Sharded vocabularies").
namespace fllm {

constexpr std::int32_t kMaxRanks = 64;
constexpr std::int32_t kMaxShardList = 512;  // entries of all ranks' lists of a row
constexpr std::int32_t kMaxRankList = 256;   // of one
constexpr std::int32_t kShardDigitBits = 11;
constexpr std::int32_t kShardDigits = 3;  // of a value's 32 bits: 11, 11 and 10
constexpr std::int32_t kShardBins = 1 << kShardDigitBits;

/// What the words of a row hold after a step.
enum class ShardStage : std::int32_t {
  kFirst,   // each rank's first id and its short list
  kDigits,  // a histogram of one digit of the values
  kMasses,  // each rank's ids at the cut and its mass above it
  kToken,   // the token
  kDone,    // nothing: the token is known
};

/// How far a row has come. It follows from exchanged words alone, so every rank has the same.
struct ShardState {
  ShardStage stage = ShardStage::kFirst;
  std::int32_t token = 0;  // the first of the total order, until the token is known
  std::uint32_t status = kSampleOk;
  float maximum = 0;  // m
  float low = 0;      // no value below it is kept
  float cut = 0;      // the lowest kept value
  std::int32_t cut_ties =
      INT32_MAX;             // how many ids of that value are kept, the lowest first; of the owner's in the end
  std::int32_t by_mass = 0;  // what is looked for: 0 the end of top-k, 1 of top-p
  std::int32_t digits = 0;   // found so far
  std::uint32_t prefix = 0;  // made of them; larger values have smaller ones
  std::int32_t owner = 0;    // rank that has the token
  std::int32_t reserved = 0;
  Mass rest = 0;  // of what the prefix must reach; 0: top-p's share of all the mass
};
static_assert(sizeof(ShardState) == 56);

/// One rank's part of one step. Lists, masks, histories and tokens have ids of the whole vocabulary.
struct ShardParams {
  SampleParams sample;  // logits and vocab are the slice's; sample.first_id its first id, a multiple of 32; no filters
  std::int32_t vocab = 0;        // ids of all ranks
  std::int32_t rank = 0;         // ranks have ascending slices
  std::int32_t ranks = 1;        // [1, kMaxRanks]
  std::int32_t list_size = 0;    // of a rank's list, [0, max_shard_list]: rows whose top-k is no larger need one step
  std::int32_t step = 0;         // 0, 1, ...
  std::int32_t last = 0;         // 1: the words are read for the last time, and tokens are written
  Mass* words = nullptr;         // [rows, shard_words]; between steps the caller adds up those of all ranks
  ShardState* states = nullptr;  // [rows]
};

/// Largest ShardParams::list_size.
constexpr std::int32_t max_shard_list(std::int32_t ranks) {
  return kMaxShardList / ranks < kMaxRankList ? kMaxShardList / ranks : kMaxRankList;
}

/// Words a row needs.
FLLM_HOST_DEVICE std::int64_t shard_words(std::int32_t ranks, std::int32_t list_size) {
  const std::int64_t first = std::int64_t{ranks} * (1 + list_size) + 1;
  return first > kShardBins ? first : kShardBins;
}

}  // namespace fllm
