// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

#include "tests/support/drafted_rows.h"

namespace fllm::test {

inline constexpr std::int32_t kTextRoom = 700;

/// How many of each there are.
struct DraftLoopShape {
  std::int32_t rows = 1, drafts = 1;
  std::int32_t depth = 1;                 // of the ring
  bool has_model = true;                  // a draft model, of up to `drafts` drafts of a row
  std::vector<std::int32_t> rooms = {};   // [rows]
  std::vector<std::int32_t> places = {};  // [rows] among those of the draft model; -1: it is none of them
  [[nodiscard]] std::size_t count() const { return static_cast<std::size_t>(rows); }
  [[nodiscard]] std::size_t slots() const { return count() + std::accumulate(rooms.begin(), rooms.end(), 0UL); }
  [[nodiscard]] std::size_t drawing() const {
    return places.size() - static_cast<std::size_t>(std::ranges::count(places, -1));
  }
  [[nodiscard]] std::size_t draft_draws() const { return drawing() * static_cast<std::size_t>(drafts); }
  [[nodiscard]] std::size_t stride() const { return slots() + 3; }
  [[nodiscard]] std::size_t words() const { return static_cast<std::size_t>(depth) * stride(); }
};

/// What rows that draft have on a device.
struct DraftLoopArrays {
  DraftLoopArrays(Backend& backend, const DraftLoopShape& loop, const PlainAutomaton& automaton)
      : shape(loop),
        automata(backend, automaton),
        masks(backend, automaton.masks),
        feed(backend, loop.slots()),
        draft_feed(backend, 2 * loop.drawing()),
        sampling(backend, loop.slots()),
        draft_sampling(backend, loop.draft_draws()),
        states(backend, loop.count()),
        drafting(backend, loop.count()),
        judged(backend, loop.count()),
        draft_ids(backend, loop.slots()),
        history(backend, loop.slots() * kHistoryRoom),
        history_sizes(backend, loop.slots()),
        texts(backend, loop.count() * kTextRoom),
        words(backend, loop.words()),
        final_sums(backend, loop.count()),
        sums(backend, loop.words()) {}

  [[nodiscard]] DraftLoopParams params() const {
    DraftLoopParams p;
    p.rows = shape.rows;
    p.slots = static_cast<std::int32_t>(shape.slots());
    p.states = states.data();
    p.drafting = drafting.data();
    p.automata = automata.params();
    p.history = {history.data(), history_sizes.data(), kHistoryRoom, static_cast<std::int32_t>(history_sizes.size())};
    p.vocab = kPlainVocab;
    p.allow_mask = masks.data();
    p.mask_words = 1;
    p.texts = {texts.data(), kTextRoom};
    p.feed = feed.params();
    p.sampling = sampling.data();
    p.draft_ids = draft_ids.data();
    p.judged = judged.data();
    if (shape.has_model) {
      p.drafts = shape.drafts;
      p.drawing = static_cast<std::int32_t>(shape.drawing());
      p.draft_feed = draft_feed.params();
      p.draft_sampling = draft_sampling.data();
    }
    p.ring = {words.data(), final_sums.data(), sums.data(), shape.depth, static_cast<std::int32_t>(shape.stride())};
    return p;
  }

  DraftLoopShape shape;
  DeviceAutomata automata;
  DeviceTable<std::uint32_t> masks;
  CheckedSlots feed, draft_feed;
  GuardedArray<RowSampling> sampling, draft_sampling;
  GuardedArray<ResidentRow> states;
  GuardedArray<DraftingRow> drafting;
  GuardedArray<DraftRow> judged;
  GuardedArray<std::int32_t> draft_ids;
  GuardedArray<CountEntry> history;
  GuardedArray<std::int32_t> history_sizes, texts;
  GuardedArray<std::uint32_t> words;
  GuardedArray<double> final_sums, sums;
};

}  // namespace fllm::test
