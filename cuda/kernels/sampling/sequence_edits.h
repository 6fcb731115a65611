// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/sampling/named_ids.h"
#include "cuda/kernels/sampling/row_history.h"

// Edits that depend on the order of the tokens so far. Every block reads the whole history and edits its own slice.
namespace fllm::sampling {

/// The tokens so far that take part.
struct RowHistory {
  const std::int32_t* tokens;  // [length]
  std::int32_t length;
};

/// Forbids the last ids of words whose other ids end the history.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE void forbid_words(const C& cta, SharedRow& shared, const Row<C, kIds>& row, const FilterParams& p,
                              TableRange words, const RowHistory& history) {
  const auto begin_of = [&](std::int32_t i) { return p.word_offsets[words.begin + i]; };
  each_named(
      cta, shared, row, words.end - words.begin,
      [&](std::int32_t i) { return begin_of(i) < begin_of(i + 1) ? p.word_ids[begin_of(i + 1) - 1] : -1; },
      [&](std::int32_t i) {
        const std::int32_t begin = begin_of(i), before = begin_of(i + 1) - 1 - begin;
        if (before > history.length) return 0;
        const std::int32_t* end = history.tokens + (history.length - before);
        std::int32_t equal = 0;
        while (equal < before && end[equal] == p.word_ids[begin + equal]) ++equal;
        return equal == before ? 1 : 0;
      },
      [&](std::int32_t id, std::int32_t) { row.own(id) = -infinity32(); });
}

/// Forbids the ids that would complete n tokens which the history has one after the other.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE void forbid_ngrams(const C& cta, SharedRow& shared, const Row<C, kIds>& row, std::int32_t n,
                               const RowHistory& history) {
  const std::int32_t* end = history.tokens + (history.length - (n - 1));
  each_named(
      cta, shared, row, history.length - n + 1, [&](std::int32_t i) { return history.tokens[i + n - 1]; },
      [&](std::int32_t i) {
        std::int32_t equal = 0;
        while (equal < n - 1 && history.tokens[i + equal] == end[equal]) ++equal;
        return equal == n - 1 ? 1 : 0;
      },
      [&](std::int32_t id, std::int32_t) { row.own(id) = -infinity32(); });
}

/// What DRY takes off the logit of an id behind a match.
FLLM_DEVICE float dry_penalty(const RowFilters& f, std::int32_t beyond) {
  constexpr float kLargest = 0x1.fffffep127f;
  const float base = within(f.dry_base, 1.0f, kLargest, 1.75f);
  float power = 1.0f;
  for (std::int32_t i = 0; i < beyond; ++i) power = within(power * base, 0.0f, kLargest, 0.0f);
  return within(within(f.dry_multiplier, 0.0f, kLargest, 0.0f) * power, 0.0f, kLargest, 0.0f);
}

/// Lowers ids by the longest match in front of them.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE void penalise_repeats(const C& cta, SharedRow& shared, const Row<C, kIds>& row, const RowFilters& f,
                                  const std::int32_t* breakers, const RowHistory& history) {
  const std::int32_t breaker_count = breakers != nullptr ? f.dry_breakers.end - f.dry_breakers.begin : 0;
  const std::int32_t* own_breakers = breakers + f.dry_breakers.begin;
  const std::int32_t count = f.dry_range > 0 && f.dry_range < history.length ? f.dry_range : history.length;
  const std::int32_t* end = history.tokens + history.length;
  // A match equals the history's end, so the last breaker there bounds them all.
  std::int32_t longest = count - 1 < kMaxDryMatch ? count - 1 : kMaxDryMatch;
  const std::int32_t tests = breaker_count > 0 ? longest * breaker_count : 0;
  for (std::int32_t i = cta.thread_index(); i < tests; i += cta.thread_count()) {
    const std::int32_t back = i / breaker_count;
    if (back < longest && end[-1 - back] == own_breakers[i % breaker_count]) longest = back;
  }
  longest = block_reduce(cta, shared.history.slots, longest, Minimum{});
  const std::int32_t allowed = f.dry_allowed_length > 1 ? f.dry_allowed_length : 1;
  if (longest < allowed) return;
  each_named(
      cta, shared, row, count - 1, [&](std::int32_t i) { return end[i + 1 - count]; },
      [&](std::int32_t i) {
        std::int32_t match = 0;
        while (match < longest && match <= i && end[i - count - match] == end[-1 - match]) ++match;
        return match >= allowed ? match : 0;
      },
      [&](std::int32_t id, std::int32_t match) {
        for (std::int32_t b = 0; b < breaker_count; ++b) {
          if (own_breakers[b] == id) return;
        }
        row.own(id) -= dry_penalty(f, match - allowed);
      });
}

/// All of them, behind open_sequence. The parts' maxima are there afterwards.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE_RARE void edit_named(C cta, SharedRow& shared, Row<C, kIds> row, const FilterParams& p,
                                 const RowFilters& f) {
  const SequenceTable& table = p.sequences;
  const std::int32_t begin = shared.sequence_begin;
  RowHistory history{nullptr, shared.sequence_end - begin};
  if (history.length > 0) history.tokens = table.tokens + std::int64_t{f.slot} * table.capacity + begin;
  const std::uint32_t uses = shared.filter_uses;
  const std::int32_t n = f.no_repeat_ngram < kMaxNgram ? f.no_repeat_ngram : kMaxNgram;
  if ((uses & kBadWords) != 0) forbid_words(cta, shared, row, p, f.bad_words, history);
  if ((uses & kNgrams) != 0 && history.length >= n) forbid_ngrams(cta, shared, row, n, history);
  if ((uses & kDry) != 0 && history.length > 1) penalise_repeats(cta, shared, row, f, p.breaker_ids, history);
  measure_parts(cta, row);  // of edits by the whole block, all of them behind a barrier of each_named
  cta.sync();               // the parts' maxima are there
}

/// Edits an edited row with kReadsSequence once more, by its sequence. The parts' maxima are there afterwards.
template <Cta C, std::int32_t kIds>
FLLM_DEVICE void edit_by_sequence(const C& cta, SharedRow& shared, Row<C, kIds>& row, const FilterParams& p,
                                  const RowFilters& f) {
  open_sequence(cta, shared, row, p, f);
  if ((shared.filter_uses & kEditsBySequence) != 0) edit_named(cta, shared, row, p, f);
}

}  // namespace fllm::sampling
