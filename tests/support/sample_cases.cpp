// SPDX-License-Identifier: Apache-2.0
#include "tests/support/sample_cases.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

namespace fllm::test {
namespace {

constexpr std::array kTemperatures = {1.0f, 0.0f, 0.7f, 1e-45f, 1e-6f, 2.0f, 1e30f, 3e38f, 0.05f};
constexpr std::array kTopPs = {1.0, 0.0, 1e-9, 0.1, 0.5, 0.9, 0.999999, 1 - 0x1p-32};
constexpr std::array kMinPs = {0.0, 1e-12, 1e-3, 0.05, 1.0};

std::array<std::int32_t, 8> top_ks(std::int32_t vocab) { return {0, 1, 2, 50, 1000, vocab - 1, vocab, vocab + 5}; }

std::uint64_t uniform_bits(std::uint64_t turn, Random& random) {
  const std::uint64_t bits = random();
  return turn % 4 == 0 ? 0 : turn % 4 == 1 ? ~std::uint64_t{0} : bits;
}

std::int32_t any_id(std::int32_t vocab, Random& random) {
  return static_cast<std::int32_t>(random() % static_cast<std::uint64_t>(vocab));
}

/// Up to count distinct ids.
std::vector<std::int32_t> some_ids(std::int32_t vocab, std::uint64_t count, Random& random) {
  std::vector<std::int32_t> ids;
  for (std::uint64_t i = 0; i < count; ++i) ids.push_back(any_id(vocab, random));
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  std::shuffle(ids.begin(), ids.end(), random);
  return ids;
}

/// Bits of ids at and behind the vocabulary's end are set: they must not matter.
std::vector<std::uint32_t> random_mask(std::int32_t vocab, Random& random) {
  const auto words = static_cast<std::size_t>(vocab + 31) / 32 + 1;
  std::vector<std::uint32_t> mask(words, ~0u);
  const auto clear_all = [&] {
    for (std::int32_t id = 0; id < vocab; ++id) mask[static_cast<std::size_t>(id / 32)] &= ~(1u << (id % 32));
  };
  const std::uint64_t kind = random() % 6;
  if (kind == 0) {
    clear_all();
  } else if (kind == 1) {
    clear_all();
    const std::int32_t id = any_id(vocab, random);
    mask[static_cast<std::size_t>(id / 32)] |= 1u << (id % 32);
  } else if (kind < 5) {
    const std::uint64_t keep = kind == 2 ? 128 : kind == 3 ? 8 : 250;  // of 256
    for (std::int32_t id = 0; id < vocab; ++id) {
      if (random() % 256 >= keep) mask[static_cast<std::size_t>(id / 32)] &= ~(1u << (id % 32));
    }
  }
  return mask;
}

}  // namespace

void set_min_p(RowSampling& sampling, double min_p) {
  sampling.min_mass = static_cast<Mass>(std::ceil(std::ldexp(min_p, 40)));
}

void set_top_p(RowSampling& sampling, double top_p) {
  sampling.top_p_on = top_p < 1 ? 1 : 0;
  sampling.top_p = top_p < 1 ? static_cast<std::uint32_t>(std::ldexp(top_p, 32)) : 0;
}

std::vector<RowCase> filter_grid(std::int32_t vocab, Random& random) {
  std::vector<RowCase> cases;
  for (const std::int32_t top_k : top_ks(vocab)) {
    for (const double top_p : kTopPs) {
      for (const double min_p : kMinPs) {
        RowCase row;
        const std::uint64_t turn = cases.size();
        row.sampling.top_k = top_k;
        set_top_p(row.sampling, top_p);
        set_min_p(row.sampling, min_p);
        row.sampling.temperature = turn % 3 == 0 ? 1.0f : pick(kTemperatures, random);
        row.sampling.fallback_id = any_id(vocab, random);
        row.uniform = uniform_bits(random(), random);
        cases.push_back(row);
      }
    }
  }
  return cases;
}

RowCase random_case(std::int32_t vocab, Random& random) {
  RowCase row;
  RowSampling& s = row.sampling;
  s.temperature = random() % 2 == 0 ? pick(kTemperatures, random) : static_cast<float>(0.05 + 3 * unit(random));
  const std::uint64_t k_kind = random() % 3;
  s.top_k = k_kind == 0 ? 0 : k_kind == 1 ? pick(top_ks(vocab), random) : any_id(vocab + 1, random);
  set_top_p(s, random() % 2 == 0 ? pick(kTopPs, random) : unit(random));
  set_min_p(s, random() % 2 == 0 ? 0.0 : random() % 2 == 0 ? pick(kMinPs, random) : std::exp2(-40 * unit(random)));
  s.fallback_id = any_id(vocab, random);
  s.seed = random();
  s.random.position = static_cast<std::uint32_t>(random() % 5000);
  s.random.sample = static_cast<std::uint32_t>(random() % 4);
  s.random.stream = static_cast<RandomStream>(random() % 5);
  row.uniform = uniform_bits(random(), random);
  return row;
}

void add_random_edits(RowCase& row, std::span<const float> logits, Random& random) {
  constexpr std::array kRepetitions = {1.0f, 1.1f, 1.3f, 0.5f, 2.0f, 1e-30f, 1e30f};
  constexpr std::array kPenalties = {0.0f, 0.5f, -0.5f, 2.0f, -2.0f, 0.1f};
  constexpr std::array kCounts = {0u, 1u, 1u, 2u, 7u, 1000u, 16777217u};
  constexpr std::array kBiases = {100.0f, -100.0f, 0.0f, -0.0f, 1e-3f, 3e38f, -3e38f, 0.5f};
  const auto vocab = static_cast<std::int32_t>(logits.size());
  const auto at = [&](std::int32_t id) { return logits[static_cast<std::size_t>(id)]; };
  RowSampling& s = row.sampling;
  if (random() % 3 == 0) row.mask = random_mask(vocab, random);
  if (random() % 3 == 0) {
    row.bans = some_ids(vocab, random() % 9, random);
    if (!row.bans.empty()) row.bans.push_back(row.bans.front());  // a ban may be named twice
    const auto best = std::max_element(logits.begin(), logits.end());
    if (random() % 2 == 0) row.bans.push_back(static_cast<std::int32_t>(best - logits.begin()));
  }
  if (random() % 3 == 0) {
    row.end_ids = some_ids(vocab, 1 + random() % 3, random);
    s.min_tokens = static_cast<std::int32_t>(random() % 4);
    s.generated = static_cast<std::int32_t>(random() % 4);
  }
  if (random() % 2 == 0) {
    const std::int32_t target = any_id(vocab, random);
    for (const std::int32_t id : some_ids(vocab, 1 + random() % 12, random)) {
      const float tie = at(target) - at(id);
      const bool use_tie = std::isfinite(tie) && random() % 2 == 0;
      row.bias.push_back({id, use_tie              ? tie
                              : random() % 16 == 0 ? pick(kBiases, random)
                                                   : static_cast<float>(4 * unit(random) - 2)});
    }
  }
  if (random() % 2 == 0) {
    s.repetition_penalty = pick(kRepetitions, random);
    s.frequency_penalty = pick(kPenalties, random);
    s.presence_penalty = pick(kPenalties, random);
    for (const std::int32_t id : some_ids(vocab, 1 + random() % 200, random)) {
      row.counts.push_back({id, pick(kCounts, random), static_cast<std::uint32_t>(random() % 2)});
    }
  }
}

std::int32_t mixed_vocab(std::int32_t turn, std::int32_t most, Random& random) {
  const std::int32_t ends[] = {12, 70, 600, most};
  return 1 + any_id(ends[turn % 4], random);
}

SampleBatch mixed_batch(const BatchLayout& layout, std::int32_t rows, Random& random) {
  SampleBatch batch(layout);
  const std::span<const LogitShape> shapes = logit_shapes();
  for (std::int32_t row = 0; row < rows; ++row) {
    const std::vector<float> logits = shapes[random() % shapes.size()].make(layout.vocab, random);
    RowCase parameters = random_case(layout.vocab, random);
    if (random() % 2 == 0) add_random_edits(parameters, logits, random);
    batch.add(logits, parameters);
  }
  return batch;
}

}  // namespace fllm::test
