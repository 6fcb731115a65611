// SPDX-License-Identifier: Apache-2.0
#include "tests/gpu/budget_draft_loop.h"

#include <cstddef>
#include <cstdint>
#include <iostream>
#include <vector>

namespace fllm {
namespace {

constexpr std::int32_t kLoopRows = 32, kLoopDrafts = 4, kLoopSlots = kLoopRows * (kLoopDrafts + 1), kHistoryIds = 256,
                       kLoopStates = 512;
constexpr std::int32_t kLoopTokens = 1024, kLoopTokenBytes = 4, kLoopText = 4096;

/// Device memory with the same value everywhere.
template <class T>
struct Filled : DeviceArray<T> {
  Filled(Backend& backend, std::int32_t count, const T& value)
      : Filled(backend, std::vector<T>(static_cast<std::size_t>(count), value)) {}
  Filled(Backend& backend, const std::vector<T>& values) : DeviceArray<T>(backend, values.size()) {
    this->upload(values);
  }
};

std::vector<DraftRow> judged_rows() {
  std::vector<DraftRow> rows;
  rows.reserve(kLoopRows);
  for (std::int32_t row = 0; row < kLoopRows; ++row) rows.push_back({row * (kLoopDrafts + 1), kLoopDrafts, -1, 0});
  return rows;
}

std::vector<DraftingRow> drawing_rows() {
  std::vector<DraftingRow> rows;
  rows.reserve(kLoopRows);
  for (std::int32_t row = 0; row < kLoopRows; ++row) {
    rows.push_back({.length = DraftLength(kLoopDrafts, 100),
                    .place = row,
                    .reach = 1000,
                    .room = kLoopDrafts,
                    .wanted = kLoopDrafts,
                    .open = 1,
                    .counts = {},
                    .state = 3,
                    .spelling = {}});
  }
  return rows;
}

/// An automaton in which texts never end.
struct EndlessAutomaton {
  explicit EndlessAutomaton(Backend& backend)
      : next(backend, kLoopStates * 256, 7),
        mask_rows(backend, kLoopStates, -1),
        unknown(backend, kLoopStates, -1),
        flags(backend, kLoopStates, 0),
        bytes(backend, kLoopTokens * kLoopTokenBytes, 'a'),
        offsets(backend, ends()) {}

  [[nodiscard]] ByteAutomata params() const {
    return {next.data(),    mask_rows.data(), flags.data(),   bytes.data(),
            offsets.data(), kLoopStates,      unknown.data(), unknown.data()};
  }

  Filled<std::int32_t> next, mask_rows, unknown;
  Filled<std::uint8_t> flags, bytes;
  Filled<std::int64_t> offsets;

 private:
  static std::vector<std::int64_t> ends() {
    std::vector<std::int64_t> all;
    for (std::int64_t token = 0; token <= kLoopTokens; ++token) all.push_back(token * kLoopTokenBytes);
    return all;
  }
};

std::vector<CountEntry> histories() {
  std::vector<CountEntry> entries;
  for (std::int32_t slot = 0; slot < kLoopSlots; ++slot) {
    for (std::int32_t i = 0; i < 2 * kHistoryIds; ++i) entries.push_back({i, 1, 1});
  }
  return entries;
}

/// In which every token comes again, as do those in front of it, a vocabulary later.
std::vector<std::int32_t> texts() {
  std::vector<std::int32_t> tokens(kLoopRows * kLoopText);
  for (std::size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<std::int32_t>(i % kLoopTokens);
  return tokens;
}

void propose(Backend& backend, DraftLoopParams p, RowSampling draw) {
  draw.random.position = kLoopText;
  const Filled<RowSampling> sampling(backend, kLoopSlots, draw);
  const Filled<DraftingRow> drafting(
      backend, kLoopRows,
      {.length = {}, .ngram = 3, .room = kLoopDrafts, .wanted = kLoopDrafts, .counts = {}, .state = 3, .spelling = {}});
  const Filled<std::int32_t> words(backend, texts());
  p.sampling = sampling.data();
  p.drafting = drafting.data();
  p.vocab = kLoopTokens;
  p.texts = {words.data(), kLoopText};
  std::cout << "ProposeDrafts, 32 rows of 4096 tokens with histories of 256 ids, 4 drafts|" << kLoopRows << '\n';
  backend.propose_drafts(p);
  backend.synchronize();
}

}  // namespace

void run_draft_loop(Backend& backend) {
  const EndlessAutomaton automaton(backend);
  RowSampling draw;
  draw.history_slot = 0;
  draw.end_ids = {0, 1};
  const Filled<ResidentRow> states(backend, kLoopRows, {.token_limit = 1000, .finished = 0, .state = 3});
  const Filled<DraftingRow> drafting(backend, drawing_rows());
  Filled<DraftRow> judged(backend, judged_rows());
  const Filled<std::int32_t> end_ids(backend, 1, -1), tokens(backend, kLoopSlots, 5),
      positions(backend, kLoopSlots, 20), sequences(backend, kLoopSlots, 0), draft_tokens(backend, 2 * kLoopRows, 5),
      draft_positions(backend, 2 * kLoopRows, 20), draft_sequences(backend, 2 * kLoopRows, 0),
      draft_ids(backend, kLoopSlots, 9), drawn(backend, kLoopRows * kLoopDrafts, 9),
      accepted(backend, kLoopRows, kLoopDrafts), sizes(backend, kLoopSlots, kHistoryIds);
  const Filled<RowSampling> sampling(backend, kLoopSlots, draw), draft_sampling(backend, kLoopRows * kLoopDrafts, draw);
  const Filled<SampleDetail> details(backend, kLoopSlots, {});
  const Filled<CountEntry> entries(backend, histories());
  const Filled<double> sums(backend, kLoopRows + kLoopSlots, 0.0);
  const auto words = backend.allocate_visible(kLoopSlots * sizeof(std::uint32_t));

  DraftLoopParams p;
  p.rows = kLoopRows;
  p.slots = kLoopSlots;
  p.drafts = kLoopDrafts;
  p.drawing = kLoopRows;
  p.index = 2;
  p.states = states.data();
  p.drafting = drafting.data();
  p.end_ids = end_ids.data();
  p.automata = automaton.params();
  p.history = {entries.data(), sizes.data(), 2 * kHistoryIds, kLoopSlots};
  p.feed = {tokens.data(), positions.data(), sequences.data(), kLoopRows, kKvBlockTokens};
  p.sampling = sampling.data();
  p.draft_ids = draft_ids.data();
  p.judged = judged.data();
  p.draft_feed = {draft_tokens.data(), draft_positions.data(), draft_sequences.data(), kLoopRows, kKvBlockTokens};
  p.draft_sampling = draft_sampling.data();
  p.drawn = drawn.data();
  p.accepted_counts = accepted.data();
  p.tokens = drawn.data();
  p.details = details.data();
  p.proposed_details = details.data();
  p.ring = {static_cast<std::uint32_t*>(words->on_device()), sums.data() + kLoopSlots, sums.data(), 1, kLoopSlots};
  std::cout << "ExtendDrafts, 32 rows with histories of 256 ids|" << kLoopRows << '\n';
  backend.extend_drafts(p);
  judged.upload(judged_rows());
  std::cout << "CommitDrafts, 32 rows with histories of 256 ids, 4 drafts|" << kLoopRows << '\n';
  backend.commit_drafts(p);
  propose(backend, p, draw);
}

}  // namespace fllm
