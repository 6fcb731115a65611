// SPDX-License-Identifier: Apache-2.0
#include "tests/support/filter_cases.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "tests/support/special_floats.h"

namespace fllm::test {
namespace {

std::int32_t below(std::size_t limit, Random& random) { return static_cast<std::int32_t>(random() % limit); }

/// Ids a history is made of: the likeliest, some others, at times one that is none.
std::vector<std::int32_t> alphabet(std::span<const float> logits, Random& random) {
  std::vector<std::int32_t> ids = {
      static_cast<std::int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin())};
  for (std::int32_t i = 1 + below(5, random); i > 0; --i) ids.push_back(below(logits.size(), random));
  if (random() % 8 == 0) ids.push_back(static_cast<std::int32_t>(logits.size()));
  if (random() % 8 == 0) ids.push_back(-1);
  return ids;
}

std::vector<std::int32_t> random_history(const std::vector<std::int32_t>& ids, std::int32_t capacity, Random& random) {
  const std::int32_t length = random() % 8 == 0   ? 0
                              : random() % 4 == 0 ? capacity
                                                  : below(static_cast<std::size_t>(capacity) + 1, random);
  const std::size_t period = random() % 3 == 0 ? 1 + random() % 7 : static_cast<std::size_t>(capacity) + 1;
  std::vector<std::int32_t> history;
  for (std::int32_t i = 0; i < length; ++i) {
    const bool repeats = history.size() >= period && random() % 16 != 0;
    history.push_back(repeats ? history[history.size() - period] : ids[random() % ids.size()]);
  }
  return history;
}

}  // namespace

void add_random_sequence(FilterCase& row, std::span<const float> logits, std::int32_t capacity, Random& random) {
  RowFilters& f = row.values;
  const std::vector<std::int32_t> ids = alphabet(logits, random);
  row.history = random_history(ids, capacity, random);
  row.has_slot = random() % 8 != 0;
  if (random() % 3 == 0) f.history_begin = below(row.history.size() + 5, random) - 2;
  if (random() % 2 == 0) f.no_repeat_ngram = pick(std::array{1, 2, 3, 4, 5, 64, 100, -1}, random);
  if (random() % 2 == 0) {
    for (std::int32_t i = below(6, random); i > 0; --i) {
      const std::size_t taken = random() % (std::min<std::size_t>(row.history.size(), 4) + 1);
      row.words.emplace_back(row.history.end() - static_cast<std::ptrdiff_t>(taken), row.history.end());
      if (random() % 4 == 0 && taken > 0) row.words.back()[random() % taken] += 1;
      if (random() % 8 != 0) row.words.back().push_back(ids[random() % ids.size()]);
    }
  }
  if (random() % 2 == 0) {
    f.dry_multiplier = pick(std::array{0.8f, 1.0f, 1e-38f, 1e38f, 0.0f, -1.0f, kNan, kInfinity}, random);
    f.dry_base = pick(std::array{1.75f, 1.1f, 1.0f, 2.0f, 1e30f, 0.5f, kNan, kInfinity}, random);
    f.dry_allowed_length = pick(std::array{1, 2, 3, 0, -4, 60}, random);
    f.dry_range = pick(std::array{0, 0, -1, 1, 2, 5, 20, 1000}, random);
    const std::int32_t breakers = pick(std::array{0, 1, 2, 40}, random);
    for (std::int32_t i = 0; i < breakers; ++i) {
      const bool met = random() % (breakers < 3 ? 2 : 16) == 0;
      row.breakers.push_back(met ? ids[random() % ids.size()] : below(logits.size(), random));
    }
  }
}

void add_random_filters(FilterCase& row, Random& random) {
  RowFilters& f = row.values;
  const bool continuous = random() % 2 == 0;
  if (random() % 3 == 0) {
    f.top_n_sigma = continuous
                        ? 4 * unit_float(random)
                        : pick(std::array{0.5f, 1.0f, 2.0f, 3.0f, 1e-9f, 1e-4f, 100.0f, 1e9f, -1.0f, kNan}, random);
  }
  if (random() % 3 == 0) {
    f.typical_p =
        continuous
            ? unit_float(random)
            : pick(std::array{0.0f, 1e-9f, 0.1f, 0.2f, 0.5f, 0.9f, 0.999999f, 1 - 0x1p-24f, 2.0f, -1.0f, kNan}, random);
  }
  if (random() % 3 == 0) {
    f.xtc_probability = pick(std::array{1.0f, 0.5f, 1 - 0x1p-24f, 2.0f, 0x1p-24f, -1.0f, kNan}, random);
    f.xtc_threshold = continuous ? 0.3f * unit_float(random)
                                 : pick(std::array{0.1f, 0.0f, 1e-9f, 1e-4f, 0.25f, 0.5f, 1.0f, -1.0f, kNan}, random);
  }
  if (random() % 3 == 0) {
    f.mirostat_tau = pick(std::array{0.01f, 1.0f, 3.0f, 5.0f, 20.0f, 1e30f, 3e38f, 0.0f, -1.0f, kNan}, random);
    f.mirostat_eta = pick(std::array{0.1f, 0.0f, 1.0f, 3e38f, -1.0f, kNan}, random);
    row.mu = continuous ? 12 * unit_float(random)
                        : pick(std::array{kNan, 0.0f, -1.0f, 1.0f, 2.0f, 10.0f, 20.0f, 39.9f, 40.0f, 41.0f, 1e9f,
                                          kInfinity, -kInfinity},
                               random);
  }
}

SampleBatch filtered_batch(const BatchLayout& layout, std::int32_t rows, Random& random) {
  SampleBatch batch(layout);
  const std::span<const LogitShape> shapes = logit_shapes();
  for (std::int32_t i = 0; i < rows; ++i) {
    const std::vector<float> logits = shapes[random() % shapes.size()].make(layout.vocab, random);
    RowCase row = random_case(layout.vocab, random);
    if (random() % 2 == 0) {  // the further filters see the whole row more often
      row.sampling.top_k = 0;
      row.sampling.top_p_on = 0;
      row.sampling.min_mass = 0;
    }
    if (random() % 4 == 0) add_random_edits(row, logits, random);
    if (random() % 2 == 0) add_random_sequence(row.filters, logits, layout.history_capacity, random);
    if (random() % 8 != 0) add_random_filters(row.filters, random);
    batch.add(logits, row);
  }
  return batch;
}

}  // namespace fllm::test
