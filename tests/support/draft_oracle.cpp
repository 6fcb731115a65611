// SPDX-License-Identifier: Apache-2.0
#include "tests/support/draft_oracle.h"

#include <algorithm>
#include <cstddef>

namespace fllm::test {
namespace {

std::size_t place(std::int64_t index) { return static_cast<std::size_t>(index); }

bool within(std::int32_t id, const OracleMasses& masses) { return id >= 0 && place(id) < masses.mass.size(); }

std::uint64_t mass_at(const OracleMasses& masses, std::int32_t id) {
  return within(id, masses) ? masses.mass[place(id)] : 0;
}

OracleMasses masses_of(const SampleParams& params, std::int32_t row) {
  return oracle_masses(oracle_distribution(LogitType::kFloat32, params, row), params.sampling[row].fallback_id);
}

std::uint64_t stream_bits(const SampleParams& params, std::int32_t row, RandomStream stream) {
  RandomCounter counter = params.sampling[row].random;
  counter.stream = stream;
  return oracle_random_bits(params.sampling[row].seed, counter);
}

/// The first of [0, 2^64) for which `holds`, which holds for all behind it; nothing when it holds for none.
template <class Holds>
std::optional<std::uint64_t> first_uniform(const Holds& holds) {
  if (!holds(~std::uint64_t{0})) return std::nullopt;
  std::uint64_t low = 0, high = ~std::uint64_t{0};
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    if (holds(middle)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

}  // namespace

OracleMasses oracle_masses(const OracleDistribution& row, std::int32_t fallback_id) {
  if (row.kept_count > 0) return {row.mass, row.kept_mass};
  return one_id(fallback_id, static_cast<std::int32_t>(row.mass.size()));
}

OracleMasses one_id(std::int32_t id, std::int32_t vocab) {
  OracleMasses masses{std::vector<std::uint64_t>(place(vocab)), 1};
  if (within(id, masses)) masses.mass[place(id)] = 1;
  return masses;
}

bool oracle_accepts(const OracleMasses& p, const OracleMasses& q, std::int32_t id, std::uint64_t uniform) {
  return Natural{uniform} * mass_at(q, id) * p.total < (Natural{mass_at(p, id)} * q.total).raised();
}

std::optional<std::uint64_t> first_refused(const OracleMasses& p, const OracleMasses& q, std::int32_t id) {
  return first_uniform([&](std::uint64_t uniform) { return !oracle_accepts(p, q, id, uniform); });
}

OracleResidual oracle_residual(const OracleMasses& p, const OracleMasses& q) {
  OracleResidual residual;
  for (std::size_t id = 0; id < p.mass.size(); ++id) {
    residual.weight.push_back(Natural{p.mass[id]} * q.total - Natural{q.mass[id]} * p.total);
    residual.total = residual.total + residual.weight.back();
  }
  return residual;
}

std::int32_t oracle_residual_draw(const OracleResidual& residual, std::uint64_t uniform) {
  const Natural passed = (residual.total * uniform).high();
  Natural running;
  std::size_t id = 0;
  while (!(passed < (running = running + residual.weight[id]))) ++id;
  return static_cast<std::int32_t>(id);
}

std::optional<UniformRange> uniforms_drawing(const OracleResidual& residual, std::int32_t id) {
  const auto first = first_uniform([&](std::uint64_t u) { return oracle_residual_draw(residual, u) >= id; });
  if (!first || oracle_residual_draw(residual, *first) != id) return std::nullopt;
  const auto behind = first_uniform([&](std::uint64_t u) { return oracle_residual_draw(residual, u) > id; });
  return UniformRange{*first, behind.value_or(0) - 1};
}

OracleMasses oracle_draft_masses(const DraftLaunch& launch, const DraftRow& row, std::int32_t i) {
  const std::int32_t draft = launch.draft_ids[place(row.first_logit_row + i)], vocab = launch.target.vocab;
  const std::int64_t source = std::int64_t{row.first_draft_row} + i;
  const bool drawn = row.first_draft_row >= 0 && source < launch.draft.rows && draft >= 0 && draft < vocab &&
                     launch.proposals[place(source)] == draft;
  return drawn ? masses_of(launch.draft, static_cast<std::int32_t>(source)) : one_id(draft, vocab);
}

OracleResolution oracle_resolve(const DraftLaunch& launch, std::int32_t sequence) {
  const DraftRow& row = launch.rows[place(sequence)];
  OracleResolution result;
  result.logit_row = row.first_logit_row;
  const std::int32_t count = std::min({row.draft_count, kMaxDraftTokens, launch.target.rows - 1 - row.first_logit_row});
  for (; result.accepted_count < count; ++result.accepted_count, ++result.logit_row) {
    const std::int32_t draft = launch.draft_ids[place(result.logit_row)];
    if (row.coupled != 0) {
      if (oracle_row(LogitType::kFloat32, launch.target, result.logit_row).token != draft) break;
      continue;
    }
    const OracleMasses p = masses_of(launch.target, result.logit_row),
                       q = oracle_draft_masses(launch, row, result.accepted_count);
    const bool weighed = launch.weighed[place(result.logit_row)] == draft;  // otherwise nobody knows its mass: refused
    const auto bits = [&](std::span<const std::uint64_t> injected, RandomStream stream) {
      return injected.empty() ? stream_bits(launch.target, result.logit_row, stream)
                              : injected[place(result.logit_row)];
    };
    if (weighed && oracle_accepts(p, q, draft, bits(launch.acceptance_uniforms, RandomStream::kAcceptance))) continue;
    const OracleResidual residual = oracle_residual(p, q);
    if (residual.total.is_zero()) break;
    result.token = oracle_residual_draw(residual, bits(launch.residual_uniforms, RandomStream::kResidual));
    return result;
  }
  result.token = oracle_row(LogitType::kFloat32, launch.target, result.logit_row).token;
  return result;
}

}  // namespace fllm::test
