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

/// Standard Gumbel noise of a candidate, -ln(-ln(u)), from integers and log_mass alone, so that its bits agree everywhere.
FLLM_DEVICE float gumbel_noise(std::uint64_t seed, RandomCounter counter, std::int32_t id) {
  counter.stream = RandomStream::kBeam;
  counter.block = static_cast<std::uint32_t>(id);
  const Mass uniform = random_bits(seed, counter) >> (64 - kMassBits);
  const float exponential = -log_mass(uniform > 0 ? uniform : 1);  // [0, 28)
  const Mass units = static_cast<Mass>(exponential * 0x1p40f);     // exact but for what is below a unit
  return -log_mass(units > 0 ? units : 1);
}

}  // namespace fllm::beams
