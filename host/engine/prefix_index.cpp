// SPDX-License-Identifier: Apache-2.0
#include "host/engine/prefix_index.h"

#include <algorithm>
#include <bit>

namespace fllm {
namespace {

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): every bit of the input reaches every bit of the output.
std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

}  // namespace

std::vector<std::uint64_t> chain_hashes(std::span<const TokenId> prompt) {
  std::vector<std::uint64_t> hashes;
  hashes.reserve(prompt.size() / kKvBlockTokens);
  std::uint64_t hash = 0x9e3779b97f4a7c15u;
  for (std::size_t i = 0; i < prompt.size(); ++i) {
    hash = mixed(hash + static_cast<std::uint32_t>(prompt[i]) + 0x9e3779b97f4a7c15u);
    if ((i + 1) % kKvBlockTokens == 0) hashes.push_back(hash);
  }
  return hashes;
}

PrefixIndex::PrefixIndex(const KvCache& cache)
    : cache_(&cache),
      entries_(static_cast<std::size_t>(cache.block_count())),
      buckets_(std::bit_ceil(entries_.size() + 1), kNone) {}

std::int32_t PrefixIndex::find(std::int32_t parent, std::uint64_t hash, BlockIds ids) const {
  for (std::int32_t block = buckets_[bucket(hash)]; block != kNone;) {
    const Entry& entry = entries_[static_cast<std::size_t>(block)];
    if (entry.hash == hash && entry.generation == generation(block) && entry.parent == parent &&
        entry.parent_generation == generation(parent) && std::equal(ids.begin(), ids.end(), entry.ids.begin())) {
      return block;
    }
    block = entry.next;
  }
  return kNone;
}

void PrefixIndex::insert(std::int32_t parent, std::uint64_t hash, BlockIds ids, std::int32_t block) {
  Entry& entry = entries_[static_cast<std::size_t>(block)];
  if (entry.generation != 0) unlink(block);
  entry = {hash, generation(block), generation(parent), parent, buckets_[bucket(hash)], {}};
  std::copy(ids.begin(), ids.end(), entry.ids.begin());
  buckets_[bucket(hash)] = block;
}

void PrefixIndex::unlink(std::int32_t block) {
  const Entry& entry = entries_[static_cast<std::size_t>(block)];
  std::int32_t* link = &buckets_[bucket(entry.hash)];
  while (*link != block) link = &entries_[static_cast<std::size_t>(*link)].next;
  *link = entry.next;
}

}  // namespace fllm
