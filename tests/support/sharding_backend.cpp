// SPDX-License-Identifier: Apache-2.0
#include "tests/support/sharding_backend.h"

#include <algorithm>
#include <deque>
#include <functional>

#include "tests/support/guarded_array.h"

namespace fllm::test {
namespace {

std::size_t whole(std::int64_t value) { return static_cast<std::size_t>(value); }

std::size_t element_bytes(LogitType type) { return type == LogitType::kFloat32 ? 4 : 2; }

/// What a rank has of a launch.
struct Rank {
  Rank(Backend& backend, std::size_t rows, std::size_t row_words)
      : words(backend, rows * row_words), states(backend, rows), tokens(backend, rows), status(backend, rows) {}
  GuardedArray<Mass> words;
  GuardedArray<ShardState> states;
  GuardedArray<std::int32_t> tokens;
  GuardedArray<std::uint32_t> status;
  ShardParams params;
};

/// Gives every rank the sum of all ranks' words, as an all-reduce does.
void add_up(std::deque<Rank>& ranks) {
  std::vector<Mass> sum = ranks.front().words.download("words");
  for (std::size_t rank = 1; rank < ranks.size(); ++rank) {
    const std::vector<Mass> words = ranks[rank].words.download("words");
    std::transform(sum.begin(), sum.end(), words.begin(), sum.begin(), std::plus<>());
  }
  for (Rank& rank : ranks) rank.words.upload(sum);
}

}  // namespace

std::vector<std::int32_t> ShardingBackend::slices(std::int32_t vocab, std::int32_t ranks) {
  const std::int32_t groups = (vocab + 31) / 32, count = std::min(groups, ranks);
  std::vector<std::int32_t> first(whole(count) + 1, vocab);
  for (std::int32_t rank = 0; rank < count; ++rank) first[whole(rank)] = groups * rank / count * 32;
  return first;
}

void ShardingBackend::sample(LogitType type, const SampleParams& params) {
  const std::vector<std::int32_t> first = slices(params.vocab, ranks_);
  const auto count = static_cast<std::int32_t>(first.size()) - 1;
  std::deque<Rank> ranks;
  for (std::int32_t r = 0; r < count; ++r) {
    Rank& rank = ranks.emplace_back(backend(), whole(params.rows), whole(shard_words(count, list_size_)));
    ShardParams& p = rank.params;
    p.sample = params;
    p.sample.first_id = first[whole(r)];
    p.sample.vocab = first[whole(r + 1)] - first[whole(r)];
    p.sample.logits = static_cast<const unsigned char*>(params.logits) + whole(first[whole(r)]) * element_bytes(type);
    if (r > 0) {  // what is the caller's is written by one rank alone
      p.sample.advance = 0;
      p.sample.tokens = rank.tokens.data();
      if (params.status != nullptr) p.sample.status = rank.status.data();
    }
    p.vocab = params.vocab;
    p.rank = r;
    p.ranks = count;
    p.list_size = list_size_;
    p.words = rank.words.data();
    p.states = rank.states.data();
  }
  for (std::int32_t step = 0; step < steps_; ++step) {
    if (step > 0) add_up(ranks);
    for (auto rank = ranks.rbegin(); rank != ranks.rend(); ++rank) {  // the first rank, which may advance, last
      rank->params.step = step;
      rank->params.last = step + 1 == steps_ ? 1 : 0;
      backend().sample_shard(type, rank->params);
    }
  }
  std::vector<std::int32_t> tokens(whole(params.rows));
  backend().download(tokens.data(), params.tokens, tokens.size() * sizeof(std::int32_t));
  backend().synchronize();
  for (std::int32_t r = 1; r < count; ++r) {
    EXPECT_EQ(ranks[whole(r)].tokens.download("tokens"), tokens)
        << "rank " << r << " of " << count << " has another token";
  }
}

}  // namespace fllm::test
