// SPDX-License-Identifier: Apache-2.0
#include "tests/support/sample_oracle.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "cuda/portable/numeric.h"
#include "tests/support/oracle_filters.h"
#include "tests/support/special_floats.h"

namespace fllm::test {
namespace {

using Wide = unsigned __int128;
constexpr std::uint64_t kUnits = std::uint64_t{1} << 40;

float half_to_float(std::uint16_t bits) {
  const int exponent = (bits >> 10) & 31, fraction = bits & 1023;
  const float sign = (bits & 0x8000) != 0 ? -1.0f : 1.0f;
  if (exponent == 31) return fraction != 0 ? std::numeric_limits<float>::quiet_NaN() : sign * kInfinity;
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(fraction), -24);
  return sign * std::ldexp(static_cast<float>(1024 + fraction), exponent - 25);
}

float bfloat16_to_float(std::uint16_t bits) {
  const std::uint32_t wide = static_cast<std::uint32_t>(bits) << 16;
  float value;
  std::memcpy(&value, &wide, sizeof value);
  return value;
}

std::uint64_t mass_of(float logit, float maximum, float temperature) {
  const float scale = std::min(1.44269504f / temperature, std::numeric_limits<float>::max());
  const float x = (logit - maximum) * scale;
  if (!(x > -41.0f)) return 0;
  return static_cast<std::uint64_t>(static_cast<double>(exp2_shared(x)) * 0x1p40);
}

void edit(const SampleParams& params, std::int32_t row, std::vector<float>& logits) {
  const RowSampling& s = params.sampling[row];
  const auto forbid = [&](std::int32_t id) { logits[static_cast<std::size_t>(id)] = -kInfinity; };
  for (std::int32_t id = 0; s.mask_row >= 0 && id < params.vocab; ++id) {
    const std::uint32_t word = params.allow_mask[s.mask_row * params.mask_words + id / 32];
    if (((word >> (id % 32)) & 1u) == 0) forbid(id);
  }
  for (std::int32_t i = s.bans.begin; i < s.bans.end; ++i) forbid(params.ban_ids[i]);
  for (std::int32_t i = s.end_ids.begin; s.generated < s.min_tokens && i < s.end_ids.end; ++i)
    forbid(params.ban_ids[i]);
  if (params.filters.rows != nullptr) oracle_forbid_sequences(params, row, logits);
  for (std::int32_t i = s.bias.begin; i < s.bias.end; ++i) {
    logits[static_cast<std::size_t>(params.bias[i].id)] += params.bias[i].bias;
  }
  for (std::int32_t i = s.counts.begin; i < s.counts.end; ++i) {
    const CountEntry& entry = params.counts[i];
    float& l = logits[static_cast<std::size_t>(entry.id)];
    if (entry.repeated != 0) l = l > 0 ? l / s.repetition_penalty : l * s.repetition_penalty;
    l = std::fma(-s.frequency_penalty, static_cast<float>(entry.output_count), l);
    if (entry.output_count > 0) l = l - s.presence_penalty;
  }
  if (params.filters.rows != nullptr) oracle_dry(params, row, logits);
}

void keep_one(OracleDistribution& row, std::int32_t id) {
  row.greedy = true;
  row.mass[static_cast<std::size_t>(id)] = kUnits;
  row.kept_count = 1;
  row.kept_mass = kUnits;
}

/// min-p, top-k and top-p.
void filter(const RowSampling& s, OracleKept& kept) {
  std::erase_if(kept.ids, [&](std::int32_t id) { return kept.mass[static_cast<std::size_t>(id)] < s.min_mass; });
  if (s.top_k > 0 && kept.ids.size() > static_cast<std::size_t>(s.top_k))
    kept.ids.resize(static_cast<std::size_t>(s.top_k));
  if (s.top_p_on == 0) return;
  const Wide total = kept.total();
  std::size_t count = 0;
  Wide prefix = 0;
  do {
    prefix += kept.mass[static_cast<std::size_t>(kept.ids[count++])];
  } while ((prefix << 32) < total * s.top_p);
  kept.ids.resize(count);
}

void keep_some(const SampleParams& params, std::int32_t row_index, OracleDistribution& row) {
  const RowSampling& s = params.sampling[row_index];
  const float maximum = row.edited[static_cast<std::size_t>(row.order[0])];
  std::vector<std::uint64_t> mass(row.edited.size());
  OracleKept kept{row.edited, mass, maximum, s.temperature, {}};
  for (const std::int32_t id : row.order) {
    const auto i = static_cast<std::size_t>(id);
    mass[i] = mass_of(row.edited[i], maximum, s.temperature);
    if (mass[i] > 0) kept.ids.push_back(id);  // the support
  }
  const RowFilters* filters = params.filters.rows != nullptr ? params.filters.rows + row_index : nullptr;
  if (filters != nullptr) oracle_top_n_sigma(*filters, kept);
  filter(s, kept);
  if (filters != nullptr) {
    oracle_typical_p(*filters, kept);
    RandomCounter coin = s.random;
    coin.block += 1;
    oracle_xtc(*filters, oracle_random_bits(s.seed, coin), kept);
    oracle_mirostat(*filters, oracle_mu(params, row_index), kept);
  }
  for (const std::int32_t id : kept.ids) row.mass[static_cast<std::size_t>(id)] = mass[static_cast<std::size_t>(id)];
  row.kept_count = static_cast<std::int32_t>(kept.ids.size());
  row.kept_mass = kept.total();
}

void measure_raw(OracleDistribution& row) {
  const auto first = std::max_element(row.raw.begin(), row.raw.end());
  row.raw_first = static_cast<std::int32_t>(first - row.raw.begin());
  if (std::isinf(*first)) return;
  for (const float l : row.raw) row.raw_mass += mass_of(l, *first, 1.0f);
}

long double log_units(std::uint64_t mass) { return std::log(static_cast<long double>(mass) / kUnits); }

}  // namespace

float oracle_logit(LogitType type, const void* row, std::int32_t id) {
  switch (type) {
    case LogitType::kFloat32:
      return static_cast<const float*>(row)[id];
    case LogitType::kFloat16:
      return half_to_float(static_cast<const std::uint16_t*>(row)[id]);
    case LogitType::kBFloat16:
      return bfloat16_to_float(static_cast<const std::uint16_t*>(row)[id]);
  }
  return 0;
}

OracleDistribution oracle_distribution(LogitType type, const SampleParams& params, std::int32_t row_index) {
  const RowSampling& s = params.sampling[row_index];
  const auto vocab = static_cast<std::size_t>(params.vocab);
  const std::size_t element_bytes = type == LogitType::kFloat32 ? 4 : 2;
  const char* logits =
      static_cast<const char*>(params.logits) + static_cast<std::size_t>(row_index * params.stride) * element_bytes;

  OracleDistribution row;
  row.raw.resize(vocab);
  row.mass.resize(vocab);
  for (std::int32_t id = 0; id < params.vocab; ++id) {
    float l = oracle_logit(type, logits, id);
    if (std::isnan(l)) {
      row.status |= kSampleNan;
      l = -kInfinity;
    }
    row.raw[static_cast<std::size_t>(id)] = l;
  }
  measure_raw(row);

  row.edited = row.raw;
  edit(params, row_index, row.edited);
  row.order.resize(vocab);
  std::iota(row.order.begin(), row.order.end(), 0);
  std::stable_sort(row.order.begin(), row.order.end(), [&](std::int32_t a, std::int32_t b) {
    return row.edited[static_cast<std::size_t>(a)] > row.edited[static_cast<std::size_t>(b)];
  });

  const std::int32_t best = row.order[0];
  const float maximum = row.edited[static_cast<std::size_t>(best)];
  if (maximum == -kInfinity) {
    row.status |= kSampleEmpty;
  } else if (maximum == kInfinity) {
    row.status |= kSampleInf;
    keep_one(row, best);
  } else if (s.temperature == 0 || s.top_k == 1) {
    keep_one(row, best);
  } else {
    keep_some(params, row_index, row);
  }
  return row;
}

std::int32_t oracle_draw(const OracleDistribution& row, std::uint64_t uniform) {
  if (row.greedy) return row.order[0];
  const auto r = static_cast<std::uint64_t>((Wide{uniform} * row.kept_mass) >> 64);
  std::uint64_t running = 0;
  std::size_t id = 0;
  while ((running += row.mass[id]) <= r) ++id;
  return static_cast<std::int32_t>(id);
}

long double oracle_raw_logprob(const OracleDistribution& row, std::int32_t id) {
  const float l = row.raw[static_cast<std::size_t>(id)], maximum = row.raw[static_cast<std::size_t>(row.raw_first)];
  if (maximum == kInfinity) return id == row.raw_first ? 0 : -kInfinity;
  if (l == -kInfinity) return -kInfinity;
  return (static_cast<long double>(l) - maximum) - log_units(row.raw_mass);
}

long double oracle_processed_logprob(const OracleDistribution& row, std::int32_t id) {
  const std::uint64_t mass = row.mass[static_cast<std::size_t>(id)];
  return mass == 0 ? -kInfinity : std::log(static_cast<long double>(mass) / row.kept_mass);
}

OracleRow oracle_row(LogitType type, const SampleParams& params, std::int32_t row_index) {
  const OracleDistribution row = oracle_distribution(type, params, row_index);
  const RowSampling& s = params.sampling[row_index];
  OracleRow result;
  result.status = row.status;
  result.kept_count = row.kept_count;
  result.kept_mass = row.kept_mass;
  if ((row.status & kSampleEmpty) != 0) {
    result.token = s.fallback_id;
    result.raw_logprob = result.processed_logprob = -kInfinity;
  } else {
    const std::uint64_t uniform =
        params.uniforms != nullptr ? params.uniforms[row_index] : oracle_random_bits(s.seed, s.random);
    result.token = oracle_draw(row, uniform);
    result.raw_logprob = oracle_raw_logprob(row, result.token);
    result.processed_logprob = oracle_processed_logprob(row, result.token);
    result.rank =
        static_cast<std::int32_t>(std::find(row.order.begin(), row.order.end(), result.token) - row.order.begin());
  }
  for (std::int32_t i = 0; i < params.top_count; ++i) {
    OracleTop top{-1, -kInfinity, -kInfinity};
    if (i < params.vocab) {
      const std::int32_t id = row.order[static_cast<std::size_t>(i)];
      if (row.edited[static_cast<std::size_t>(id)] != -kInfinity) {
        top = {id, oracle_raw_logprob(row, id), oracle_processed_logprob(row, id)};
      }
    }
    result.top.push_back(top);
  }
  for (const std::uint64_t mass : row.mass) {
    result.probabilities.push_back(mass == 0 ? 0.0f : static_cast<float>(mass) / static_cast<float>(row.kept_mass));
  }
  return result;
}

// Philox4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 3.3: ten rounds
// of (L0', R0', L1', R1') = (hi(M1 R1) ^ k0 ^ L0, lo(M1 R1), hi(M0 R0) ^ k1 ^ L1, lo(M0 R0)), keys raised by Weyl constants.
std::uint64_t oracle_random_bits(std::uint64_t seed, const RandomCounter& counter) {
  std::array<std::uint32_t, 4> c = {counter.position, counter.sample, static_cast<std::uint32_t>(counter.stream),
                                    counter.block};
  for (std::uint32_t round = 0; round < 10; ++round) {
    const std::uint32_t k0 = static_cast<std::uint32_t>(seed) + round * 0x9E3779B9u;
    const std::uint32_t k1 = static_cast<std::uint32_t>(seed >> 32) + round * 0xBB67AE85u;
    const std::uint64_t product0 = std::uint64_t{c[0]} * 0xD2511F53u, product1 = std::uint64_t{c[2]} * 0xCD9E8D57u;
    c = {static_cast<std::uint32_t>(product1 >> 32) ^ c[1] ^ k0, static_cast<std::uint32_t>(product1),
         static_cast<std::uint32_t>(product0 >> 32) ^ c[3] ^ k1, static_cast<std::uint32_t>(product0)};
  }
  return c[0] | (std::uint64_t{c[1]} << 32);
}

UniformRange uniforms_selecting(std::uint64_t r, std::uint64_t mass) {
  const auto first_of = [mass](std::uint64_t value) { return ((Wide{value} << 64) + mass - 1) / mass; };
  return {static_cast<std::uint64_t>(first_of(r)), static_cast<std::uint64_t>(first_of(r + 1) - 1)};
}

}  // namespace fllm::test
