// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/shard_row.h"
#include "cuda/launch/check_params.h"
#include "cuda/launch/sampling_launch.h"

namespace fllm {

static_assert(kMaxRankList <= sampling::kMaxBoundCount && kMaxShardList <= sampling::kListCapacity);

/// What the kernel relies on. Exception(kInvalidArgument) names the field and its value.
inline void check_shard_params(const ShardParams& p, const LaunchTarget& target) {
  check_sample_params(p.sample, target);
  const ParamsCheck check("sample_shard");
  check.at_least("ranks", p.ranks, 1);
  check.at_most("ranks", p.ranks, kMaxRanks);
  check.at_least("rank", p.rank, 0);
  check.at_most("rank", p.rank, p.ranks - 1);
  check.at_least("first_id", p.sample.first_id, 0);
  check.multiple("first_id", p.sample.first_id, 32);
  check.at_most("vocab", p.vocab, sampling::kMaxVocab);
  check.at_least("vocab", p.vocab, std::int64_t{p.sample.first_id} + p.sample.vocab);
  if (p.sample.allow_mask != nullptr) check.at_least("mask_words", p.sample.mask_words, (p.vocab + 31) / 32);
  check.equal("filters of a shard (1: given)", p.sample.filters.rows != nullptr ? 1 : 0, "those allowed", 0);
  check.at_least("list_size", p.list_size, 0);
  check.at_most("list_size", p.list_size, max_shard_list(p.ranks));
  check.at_least("step", p.step, p.last != 0 ? 1 : 0);
  check.given("words", p.words != nullptr, p.sample.rows);
  check.given("states", p.states != nullptr, p.sample.rows);
}

/// One launch for all rows.
template <class Executor>
void sample_shards(Executor& executor, LogitType type, const ShardParams& params) {
  check_shard_params(params, executor.target());
  dispatch_logit_type(type, [&]<class LogitT>(LogitT) {
    using Kernel = ShardRow<LogitT>;
    executor.template launch<Kernel>(Kernel::shape(params, executor.target()), params);
  });
}

}  // namespace fllm
