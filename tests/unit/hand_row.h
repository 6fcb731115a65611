// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <vector>

#include "tests/support/sample_oracle.h"

// Rows small enough to work out by hand.
namespace fllm::test {

using Ids = std::vector<std::int32_t>;

inline constexpr float kInf = std::numeric_limits<float>::infinity();
inline constexpr std::uint64_t kFull = std::uint64_t{1} << 40;

/// One fp32 row with its parameters and tables.
struct HandRow {
  std::vector<float> logits;
  RowSampling sampling{};
  std::uint64_t uniform = 0;
  std::vector<std::int32_t> bans{};
  std::vector<BiasEntry> bias{};
  std::vector<CountEntry> counts{};
  std::vector<std::uint32_t> mask{};
  std::int32_t top_count = 0;
  RowFilters filters{};
  std::vector<std::int32_t> history{};             // of slot 0
  std::vector<std::vector<std::int32_t>> words{};  // all are the row's
  std::vector<std::int32_t> breakers{};            // likewise
  float mu = std::numeric_limits<float>::quiet_NaN();
  std::int32_t history_length = 0;  // this and what follows is filled in by params
  std::vector<std::int32_t> word_offsets{}, word_ids{};

  [[nodiscard]] SampleParams params() {
    sampling.bias = {0, static_cast<std::int32_t>(bias.size())};
    sampling.counts = {0, static_cast<std::int32_t>(counts.size())};
    SampleParams p;
    p.logits = logits.data();
    p.stride = static_cast<std::int64_t>(logits.size());
    p.rows = 1;
    p.vocab = static_cast<std::int32_t>(logits.size());
    p.sampling = &sampling;
    p.allow_mask = mask.data();
    p.mask_words = static_cast<std::int64_t>(mask.size());
    p.ban_ids = bans.data();
    p.bias = bias.data();
    p.counts = counts.data();
    p.uniforms = &uniform;
    p.top_count = top_count;
    p.filters = filter_params();
    return p;
  }
  [[nodiscard]] OracleDistribution distribution() {
    const SampleParams p = params();
    return oracle_distribution(LogitType::kFloat32, p, 0);
  }
  [[nodiscard]] OracleRow run() {
    const SampleParams p = params();
    return oracle_row(LogitType::kFloat32, p, 0);
  }
  [[nodiscard]] FilterParams filter_params() {
    filters.slot = 0;
    filters.bad_words = {0, static_cast<std::int32_t>(words.size())};
    filters.dry_breakers = {0, static_cast<std::int32_t>(breakers.size())};
    history_length = static_cast<std::int32_t>(history.size());
    word_offsets = {0};
    word_ids.clear();
    for (const std::vector<std::int32_t>& word : words) {
      word_ids.insert(word_ids.end(), word.begin(), word.end());
      word_offsets.push_back(static_cast<std::int32_t>(word_ids.size()));
    }
    return {&filters,
            {history.data(), &history_length, &mu, history_length, 1},
            word_offsets.data(),
            word_ids.data(),
            breakers.data()};
  }
};

inline std::vector<float> logs(std::initializer_list<double> probabilities) {
  std::vector<float> result;
  for (const double p : probabilities) result.push_back(static_cast<float>(std::log(p)));
  return result;
}

inline std::vector<std::int32_t> kept_ids(const OracleRow& row) {
  std::vector<std::int32_t> ids;
  for (std::size_t id = 0; id < row.probabilities.size(); ++id) {
    if (row.probabilities[id] > 0) ids.push_back(static_cast<std::int32_t>(id));
  }
  return ids;
}

}  // namespace fllm::test
