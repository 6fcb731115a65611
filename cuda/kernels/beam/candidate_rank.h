// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/portable/fixed_point.h"
#include "cuda/portable/philox.h"

// What a candidate is ranked by.
namespace fllm::beams {

/// Of a row's values: log-probability (v - m) - log_total, added to the beam's sum. Never grows as the value falls, so a
/// bound on ranks is one on values; but several values can have one rank.
struct CandidateRank {
  float cum;
  float maximum;    // m; 0 where the values are log-probabilities
  float log_total;  // likewise

  [[nodiscard]] FLLM_DEVICE float logprob(float value) const { return (value - maximum) - log_total; }
  [[nodiscard]] FLLM_DEVICE float operator()(float value) const { return cum + logprob(value); }
};

/// The random bits of a candidate.
FLLM_DEVICE PhiloxBlock noise_block(std::uint64_t seed, RandomCounter counter, std::int32_t id) {
  counter.stream = RandomStream::kBeam;
  counter.block = static_cast<std::uint32_t>(id);
  return philox(seed, {{counter.position, counter.sample, static_cast<std::uint32_t>(counter.stream), counter.block}});
}

/// Standard Gumbel noise, -ln(-ln(u)), from integers and log_mass alone, so that its bits agree everywhere.
FLLM_DEVICE float gumbel_noise(const PhiloxBlock& block) {
  const Mass uniform = (Mass{block.word[1]} << 32 | block.word[0]) >> (64 - kMassBits);
  const float exponential = -log_mass(uniform > 0 ? uniform : 1);  // [0, 28)
  const Mass units = static_cast<Mass>(exponential * 0x1p40f);     // exact but for what is below a unit
  return -log_mass(units > 0 ? units : 1);
}

/// Tells most candidates that cannot reach a bound without a logarithm: since 1 - u <= -ln(u), noise above x takes a u with
/// 1 - u < e^-x, and ln(p) + noise >= -ln(t) one with 1 - u <= p t.
struct RankSieve {
  float bound = -infinity32();  // of ranks; -inf: all pass
  float per_weight = 0;         // 2^24 (1 - u) at most, for each unit of exp2 of a candidate's logit below the largest

  /// Of a row with a sum and so much kept mass, that of the largest logit included. About 64 times as many candidates as are
  /// wanted pass, and reach the bound, unless several ids together have nearly all the mass.
  FLLM_DEVICE static RankSieve of(float cum, Mass kept, std::int32_t wanted) {
    if (kept <= kFullMass || !(cum > -0x1p15f && cum < 0x1p15f)) return {};  // rounding of sums would be too much
    const float others = static_cast<float>(kept - kFullMass) / static_cast<float>(kept);
    const float asked = 64.0f * static_cast<float>(wanted) / others, reach = asked < 0x1p30f ? asked : 0x1p30f;
    // 5% for rounding: of 1 - u against -ln(u) as it is computed below 2%, of sums and logarithms below 1%.
    const float per_mass = 1.05f * reach * 0x1p24f / static_cast<float>(kept);
    return {cum - (log_mass(static_cast<Mass>(reach)) - log_mass(1)), per_mass * static_cast<float>(kFullMass)};
  }
  [[nodiscard]] FLLM_DEVICE bool passes(float weight, const PhiloxBlock& block) const {
    constexpr std::int32_t kCoarse = 1 << 10;  // so near 1 the logarithm of u has few digits
    const auto rest = static_cast<std::int32_t>(0xffffffu - (block.word[1] >> 8));
    return (rest <= kCoarse) | (static_cast<float>(rest) <= weight * per_weight);
  }
};

}  // namespace fllm::beams
