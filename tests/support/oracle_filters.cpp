// SPDX-License-Identifier: Apache-2.0
#include "tests/support/oracle_filters.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <span>

#include "tests/support/special_floats.h"

namespace fllm::test {
namespace {

using Wide = unsigned __int128;

std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }

float in_range(float value, float low, float high, float otherwise) {
  return std::isnan(value) ? otherwise : std::clamp(value, low, high);
}

/// floor(p * 2^32), p below 1.
std::uint64_t units(float p) { return static_cast<std::uint64_t>(std::floor(std::ldexp(double{p}, 32))); }

/// Smallest mass that is at least p of the total.
std::uint64_t share(std::uint64_t p_units, std::uint64_t total) {
  return static_cast<std::uint64_t>((Wide{p_units} * total + 0xffffffffu) >> 32);
}

/// The part of the row's history that counts.
std::span<const std::int32_t> history_of(const FilterParams& p, const RowFilters& filters) {
  const SequenceTable& table = p.sequences;
  if (filters.slot < 0 || filters.slot >= table.slot_count || table.tokens == nullptr) return {};
  const std::int32_t length = std::clamp(table.lengths[filters.slot], 0, table.capacity);
  const std::int32_t begin = std::clamp(filters.history_begin, 0, length);
  const std::int32_t* tokens = table.tokens + std::int64_t{filters.slot} * table.capacity;
  return {tokens + begin, tokens + length};
}

void forbid(std::vector<float>& logits, std::int32_t id) {
  if (id >= 0 && at(id) < logits.size()) logits[at(id)] = -kInfinity;
}

bool ends_with(std::span<const std::int32_t> history, std::span<const std::int32_t> end) {
  return history.size() >= end.size() && std::equal(end.begin(), end.end(), history.end() - std::ssize(end));
}

/// How much less likely than the first an id is, in units of 2^-20 bit.
std::int64_t distance(const OracleKept& kept, std::int32_t id) {
  const float scale = std::min(1.44269504f / kept.temperature, kLargest);
  const float x = (kept.edited[at(id)] - kept.maximum) * scale;
  return static_cast<std::int64_t>(std::floor(std::ldexp(-double{x}, 20)));
}

}  // namespace

std::uint64_t OracleKept::total() const {
  std::uint64_t sum = 0;
  for (const std::int32_t id : ids) sum += mass[at(id)];
  return sum;
}

void oracle_forbid_sequences(const SampleParams& params, std::int32_t row, std::vector<float>& logits) {
  const FilterParams& p = params.filters;
  const RowFilters& filters = p.rows[row];
  const std::span<const std::int32_t> history = history_of(p, filters);
  for (std::int32_t w = filters.bad_words.begin; w < filters.bad_words.end; ++w) {
    const std::span<const std::int32_t> word(p.word_ids + p.word_offsets[w], p.word_ids + p.word_offsets[w + 1]);
    if (!word.empty() && ends_with(history, word.first(word.size() - 1))) forbid(logits, word.back());
  }
  const auto n = at(std::clamp(filters.no_repeat_ngram, 0, 64));
  if (n == 0 || history.size() < n) return;
  for (std::size_t i = 0; i + n <= history.size(); ++i) {
    if (ends_with(history, history.subspan(i, n - 1))) forbid(logits, history[i + n - 1]);
  }
}

void oracle_dry(const SampleParams& params, std::int32_t row, std::vector<float>& logits) {
  const RowFilters& filters = params.filters.rows[row];
  const float multiplier = in_range(filters.dry_multiplier, 0, kLargest, 0);
  const float base = in_range(filters.dry_base, 1, kLargest, 1.75f);
  const std::int32_t allowed = std::max(filters.dry_allowed_length, 1);
  if (multiplier == 0) return;
  std::span<const std::int32_t> h = history_of(params.filters, filters);
  if (filters.dry_range > 0 && h.size() > at(filters.dry_range)) h = h.last(at(filters.dry_range));
  const auto is_breaker = [&](std::int32_t id) {
    const std::int32_t* breakers = params.filters.breaker_ids;
    return std::find(breakers + filters.dry_breakers.begin, breakers + filters.dry_breakers.end, id) !=
           breakers + filters.dry_breakers.end;
  };
  std::map<std::int32_t, std::int32_t> longest;  // match in front of each id
  for (std::size_t i = 0; i + 1 < h.size(); ++i) {
    std::size_t n = 0;
    while (n < 50 && n <= i && h[i - n] == h[h.size() - 1 - n] && !is_breaker(h[i - n])) ++n;
    std::int32_t& best = longest[h[i + 1]];
    best = std::max(best, static_cast<std::int32_t>(n));
  }
  for (const auto& [id, match] : longest) {
    if (match < allowed || is_breaker(id) || id < 0 || at(id) >= logits.size()) continue;
    float power = 1;
    for (std::int32_t i = 0; i < match - allowed; ++i) power = std::min(power * base, kLargest);
    logits[at(id)] -= std::min(multiplier * power, kLargest);
  }
}

void oracle_top_n_sigma(const RowFilters& filters, OracleKept& kept) {
  const float n = in_range(filters.top_n_sigma, 0, 100, 0);
  if (n == 0) return;
  const auto below = [&](std::int32_t id) { return std::min(kept.maximum - kept.edited[at(id)], kLargest); };
  OracleIds allowed;
  float largest = 0;
  for (std::int32_t id = 0; at(id) < kept.edited.size(); ++id) {
    if (kept.edited[at(id)] == -kInfinity) continue;
    allowed.push_back(id);
    largest = std::max(largest, below(id));
  }
  if (largest == 0) return;
  const int exponent = std::max(std::ilogb(largest), -100);
  const auto fixed = [&](std::int32_t id) {
    return static_cast<std::uint64_t>(std::floor(std::ldexp(double{below(id)}, 20 - exponent)));
  };
  Wide sum = 0, squares = 0;
  for (const std::int32_t id : allowed) {
    sum += fixed(id);
    squares += Wide{fixed(id)} * fixed(id);
  }
  const Wide n16 = static_cast<std::uint64_t>(std::floor(std::ldexp(double{n}, 16)));
  const Wide bound = n16 * n16 * (allowed.size() * squares - sum * sum);
  std::erase_if(kept.ids, [&](std::int32_t id) {
    const Wide scaled = Wide{fixed(id)} * allowed.size();
    return ((scaled * scaled) << 32) > bound;
  });
}

void oracle_typical_p(const RowFilters& filters, OracleKept& kept) {
  const float p = in_range(filters.typical_p, 0, 1, 1);
  if (p == 1) return;
  const std::uint64_t total = kept.total();
  Wide weighted = 0;
  for (const std::int32_t id : kept.ids) weighted += Wide{kept.mass[at(id)]} * static_cast<Wide>(distance(kept, id));
  const auto mean = static_cast<std::int64_t>(weighted / total);
  // Walk outwards from the mean: the less deviating of the next ids on either side, the more likely side first.
  auto below = std::partition_point(kept.ids.begin(), kept.ids.end(),
                                    [&](std::int32_t id) { return distance(kept, id) < mean; });
  auto above = below;  // [above, below) is taken
  std::uint64_t taken = 0;
  do {
    const bool any_above = above != kept.ids.begin(), any_below = below != kept.ids.end();
    const bool up = any_above && (!any_below || mean - distance(kept, above[-1]) <= distance(kept, *below) - mean);
    taken += kept.mass[at(up ? *--above : *below++)];
  } while (taken < share(units(p), total));
  kept.ids = OracleIds(above, below);
}

void oracle_xtc(const RowFilters& filters, std::uint64_t bits, OracleKept& kept) {
  const float probability = in_range(filters.xtc_probability, 0, 1, 0);
  const float threshold = in_range(filters.xtc_threshold, 0, 1, 0.1f);
  if (threshold == 1 || (bits >> 32) >= units(probability)) return;  // 2^32 units: always
  const std::uint64_t least = share(units(threshold), kept.total());
  const auto end = std::partition_point(kept.ids.begin(), kept.ids.end(),
                                        [&](std::int32_t id) { return kept.mass[at(id)] >= least; });
  if (end - kept.ids.begin() >= 2) kept.ids.erase(kept.ids.begin(), end - 1);
}

void oracle_mirostat(const RowFilters& filters, float mu, OracleKept& kept) {
  if (in_range(filters.mirostat_tau, 0, kLargest, 0) == 0) return;
  const float x = -std::min(std::max(mu, 0.0f), 41.0f);
  const auto f = static_cast<std::uint64_t>(std::floor(std::ldexp(double{exp2_shared(x)}, 40)));
  const auto least = static_cast<std::uint64_t>((Wide{f} * kept.total() + ((Wide{1} << 40) - 1)) >> 40);
  const std::int32_t first = kept.ids.front();
  std::erase_if(kept.ids, [&](std::int32_t id) { return kept.mass[at(id)] < least; });
  if (kept.ids.empty()) kept.ids = {first};
}

float oracle_mu(const SampleParams& params, std::int32_t row) {
  const RowFilters& filters = params.filters.rows[row];
  const SequenceTable& table = params.filters.sequences;
  const bool has_state = filters.slot >= 0 && filters.slot < table.slot_count && table.mirostat_mus != nullptr;
  const float mu = has_state ? table.mirostat_mus[filters.slot] : std::numeric_limits<float>::quiet_NaN();
  return std::isnan(mu) ? 2 * in_range(filters.mirostat_tau, 0, kLargest, 0) : mu;
}

float oracle_next_mu(const RowFilters& filters, float mu, std::uint64_t mass, std::uint64_t kept_mass) {
  const float tau = in_range(filters.mirostat_tau, 0, kLargest, 0);
  const float eta = in_range(filters.mirostat_eta, 0, kLargest, 0.1f);
  const float surprise = (log_mass(kept_mass) - log_mass(mass)) * 1.44269504f;
  return std::fma(-eta, surprise - tau, mu);
}

}  // namespace fllm::test
