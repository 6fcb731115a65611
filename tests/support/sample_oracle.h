// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "cuda/kernels/sample_params.h"

// A plain restatement of docs/sampling.md, written for reading, not for speed: the whole row is sorted. It shares
// exp2_shared with the kernels, since those bits are what a mass is defined by; everything else is stated again.
namespace fllm::test {

/// A row before its draw.
struct OracleDistribution {
  std::vector<float> raw;           // [vocab] sanitised logits
  std::vector<float> edited;        // [vocab]
  std::vector<std::int32_t> order;  // [vocab] ids in the total order of the edited logits
  std::vector<std::uint64_t> mass;  // [vocab] by id, 0 outside the kept set
  std::int32_t kept_count = 0;
  std::uint64_t kept_mass = 0;
  bool greedy = false;  // the result is order[0], no random bits are read
  std::uint32_t status = kSampleOk;
  std::int32_t raw_first = 0;  // lowest id of the largest sanitised logit
  std::uint64_t raw_mass = 0;  // sum of the raw masses, at temperature 1
};

struct OracleTop {
  std::int32_t id = -1;
  long double raw_logprob = 0;
  long double processed_logprob = 0;
};

struct OracleRow {
  std::int32_t token = 0;
  std::uint32_t status = kSampleOk;
  long double raw_logprob = 0;
  long double processed_logprob = 0;
  std::int32_t rank = 0;
  std::int32_t kept_count = 0;
  std::uint64_t kept_mass = 0;
  std::vector<OracleTop> top;        // [top_count]
  std::vector<float> probabilities;  // [vocab]
};

/// All pointers of params are host pointers; outputs are not touched.
[[nodiscard]] OracleDistribution oracle_distribution(LogitType type, const SampleParams& params, std::int32_t row);
/// The token that 64 random bits select. Precondition: the support is not empty.
[[nodiscard]] std::int32_t oracle_draw(const OracleDistribution& row, std::uint64_t uniform);
[[nodiscard]] OracleRow oracle_row(LogitType type, const SampleParams& params, std::int32_t row);

/// One logit of a row as a binary32.
[[nodiscard]] float oracle_logit(LogitType type, const void* row, std::int32_t id);
[[nodiscard]] long double oracle_raw_logprob(const OracleDistribution& row, std::int32_t id);
[[nodiscard]] long double oracle_processed_logprob(const OracleDistribution& row, std::int32_t id);
[[nodiscard]] std::uint64_t oracle_random_bits(std::uint64_t seed, const RandomCounter& counter);

/// The first and the last uniform that select r, i.e. floor(uniform * mass / 2^64) = r. Precondition: r < mass.
struct UniformRange {
  std::uint64_t first, last;
};
[[nodiscard]] UniformRange uniforms_selecting(std::uint64_t r, std::uint64_t mass);

}  // namespace fllm::test
