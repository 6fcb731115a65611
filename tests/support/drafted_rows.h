// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/plain_look_up.h"
#include "tests/support/plain_rows.h"

// Rows that draft, as the definition has them, and what the slots of their steps must hold.
namespace fllm::test {

inline constexpr std::int32_t kFillerSequence = 1000, kFillerTokens = 5, kHistoryRoom = 64;

inline std::string number(auto value) { return ' ' + std::to_string(static_cast<std::int64_t>(value)); }

/// How often rows met what not all of them meet, over all steps.
struct DraftCases {
  std::int32_t accepted = 0, forced = 0, spelled = 0, found = 0;  // drafts
  std::int32_t whole = 0;                                         // drafts that made the text whole
  std::int32_t strange = 0;                                       // ids found outside the vocabulary
  std::int32_t waits = 0;           // steps behind which a row wanted more than it has room for
  std::int32_t forced_guesses = 0;  // tokens forced behind a guess
  std::int32_t found_behind = 0;    // steps where what is known changed what was found behind it
};

/// A row that drafts, as the definition has it.
struct DraftedRow {
  PlainRow text;   // what was drawn
  PlainRow ahead;  // as if the drafts had been drawn, which is why it goes no further where one ends it
  DraftLength length, spelling;
  std::int32_t room = 0;    // drafts of a step at most; 0: it wants none
  std::int32_t place = -1;  // among those of the draft model
  std::int32_t reach = 0, ngram = 0, wanted = 0;
  std::int32_t most = 0;   // drafts of a step that may begin with what states force or spell; 0: none do
  DraftCounts counts;      // of these, of a step
  bool rests = false;      // it has ended, or wants more drafts than it has room for
  bool drafts_on = false;  // the draft model draws another one
  bool looks_on = true;    // what was found may be of use so far
  bool coupled = true;
  bool penalised = false;
  std::int32_t before = 0;           // the token in front of the last one
  std::vector<std::int32_t> drafts;  // of this step
  std::vector<std::int32_t> prompt;  // ids of its history
  std::vector<std::int32_t> words;   // prompt and output, where they are looked up
  DraftCases* cases = nullptr;

  [[nodiscard]] std::int32_t token_count() const {
    return text.prompt_count + static_cast<std::int32_t>(text.output.size());
  }
  void open(const PlainAutomaton& automaton) {
    ahead = text;
    drafts.clear();
    looks_on = true;
    counts = {};
    wanted = 0;
    if (room > 0) want(automaton);
    rests = rests || text.ended || wanted > room;
    drafts_on = !rests && wanted > 0 && place >= 0;
  }
  void want(const PlainAutomaton& automaton) {
    std::int32_t left = text.limit - 1 - token_count();
    if (most > 0) left = std::min(left, most);
    const std::vector<bool> run = known_run(most > 0 ? left : 0, automaton);
    counts.forced = static_cast<std::int32_t>(std::ranges::count(run, false));
    counts.spelled = static_cast<std::int32_t>(std::ranges::count(run, true));
    std::int32_t guesses = std::min(length.next(), left - known());
    if (ngram == 0) guesses = std::min(guesses, reach + 1 - token_count());
    wanted = known() + std::max(0, guesses);
  }
  [[nodiscard]] std::int32_t known() const { return counts.forced + counts.spelled; }
  /// Of tokens that the states force or spell behind the text, up to an end, whether or not it may come yet: whether each is a guess.
  [[nodiscard]] std::vector<bool> known_run(std::int32_t count, const PlainAutomaton& automaton,
                                            std::vector<std::int32_t>* tokens = nullptr) const {
    std::vector<bool> run;
    PlainRow place = text;
    std::int32_t guesses = 0;
    while (static_cast<std::int32_t>(run.size()) < count && !place.ended) {
      const bool is_forced = automaton.forced_in(place.state) >= 0;
      const std::int32_t token = is_forced ? automaton.forced_in(place.state) : automaton.spelled_in(place.state);
      const bool is_guess = guesses > 0 || !is_forced;
      if (token < 0 || (is_guess && guesses == spelling.next())) break;
      guesses += is_guess ? 1 : 0;
      cases->forced_guesses += is_guess && is_forced ? 1 : 0;
      run.push_back(is_guess);
      if (tokens != nullptr) tokens->push_back(token);
      if (place.is_end(token) && !automaton.has(place.state, kStateSpells)) break;
      place.take(token, 0, automaton);
    }
    return run;
  }
  /// A step with so many drafts is over: each kind of guesses learns of its own, and spelling of nothing where it tried nothing
  /// beside a look-up.
  void learn(std::int32_t drafted, std::int32_t accepted) {
    std::int32_t right[3] = {};  // forced, spelled, others
    for (std::int32_t i = 0; i < accepted; ++i) ++right[i < counts.forced ? 0 : i < known() ? 1 : 2];
    length.took(drafted - known(), right[2]);
    if (ngram == 0 || counts.spelled > 0) spelling.took(counts.spelled, right[1]);
  }
  void take_draft(std::int32_t token, const PlainAutomaton& automaton) {
    if (!drafts_on) return;
    drafts_on = token >= 0;
    if (!drafts_on) return;
    draft(token, automaton);
    drafts_on = !ahead.ended && static_cast<std::int32_t>(drafts.size()) < wanted;
  }
  /// What is forced or spelled, and what it finds in its text behind that.
  [[nodiscard]] std::vector<std::int32_t> proposed(const PlainAutomaton& automaton) const {
    if (rests) return {};
    std::vector<std::int32_t> all;
    static_cast<void>(known_run(known(), automaton, &all));
    if (ngram == 0) return all;
    std::vector<std::int32_t> said = words;
    said.insert(said.end(), all.begin(), all.end());
    const std::vector<std::int32_t> found = plainly_looked_up(said, ngram, wanted - known());
    cases->found_behind += found != plainly_looked_up(words, ngram, wanted - known()) ? 1 : 0;
    all.insert(all.end(), found.begin(), found.end());
    return all;
  }
  /// The next of these, unless it was found and may not come or would be an end.
  void take_proposed(std::int32_t token, const PlainAutomaton& automaton) {
    const bool was_found = static_cast<std::int32_t>(drafts.size()) >= known();
    cases->strange += looks_on && (token < 0 || token >= kPlainVocab) ? 1 : 0;
    const bool may_come = token >= 0 && token < kPlainVocab && automaton.allows(ahead.mask_row, token) &&
                          !(text.is_end(token) && !automaton.has(ahead.state, kStateSpells));
    looks_on = looks_on && (!was_found || may_come);
    if (!looks_on) return;
    draft(token, automaton);
    looks_on = !ahead.ended;
  }
  void draft(std::int32_t token, const PlainAutomaton& automaton) {
    drafts.push_back(token);
    cases->whole += automaton.has(automaton.behind(ahead.state, token), kStateEnds) ? 1 : 0;
    ahead.take(token, 0, automaton);
  }
  /// Whether the model reads the i-th draft, i = 0: the last token.
  [[nodiscard]] bool reads(std::int32_t i) const {
    return i == 0 ? !rests : static_cast<std::int32_t>(drafts.size()) >= i && !ahead.ended;
  }
  /// Distinct ids of the history behind the row's drafts so far, in the order they came, with their counts.
  [[nodiscard]] std::string history() const {
    std::vector<std::int32_t> ids = prompt;
    std::vector<std::int32_t> counts(ids.size(), 0);
    for (const std::int32_t id : ahead.output) {
      const auto found = static_cast<std::size_t>(std::find(ids.begin(), ids.end(), id) - ids.begin());
      if (found == ids.size()) {
        ids.push_back(id);
        counts.push_back(0);
      }
      ++counts[found];
    }
    std::string all;
    for (std::size_t i = 0; i < ids.size(); ++i) all += number(ids[i]) + " x" + number(counts[i]);
    return all;
  }
};

/// What is drafted next, and what has been learned of earlier drafts; the same of a device's row.
inline std::string wants_of(const auto& row) {
  static_assert(sizeof(DraftLength) == 2 * sizeof(std::uint64_t));
  std::string all =
      number(row.wanted) + " forced" + number(row.counts.forced) + " spelled" + number(row.counts.spelled);
  for (const DraftLength& length : {row.spelling, row.length}) {
    for (const std::uint64_t part : std::bit_cast<std::array<std::uint64_t, 2>>(length)) all += number(part);
  }
  return all;
}

/// What a draw must depend on. slot: of its history.
inline std::string draw_of(const DraftedRow& row, std::int32_t slot, std::uint64_t seed, RandomStream stream) {
  const PlainRow& text = row.ahead;
  return "seed" + number(seed) + " at" + number(text.prompt_count + static_cast<std::int32_t>(text.output.size())) +
         " stream" + number(stream) + " generated" + number(text.output.size()) + " from" + number(text.free_from) +
         " mask" + number(text.mask_row) + " history" + number(row.penalised ? slot : -1);
}
inline std::string draw_of(const RowSampling& draw) {
  if (draw.temperature == 0) return draw.history_slot == -1 && draw.mask_row == -1 ? "idle" : "idle with lists";
  return "seed" + number(draw.seed) + " at" + number(draw.random.position) + " stream" + number(draw.random.stream) +
         " generated" + number(draw.generated) + " from" + number(draw.min_tokens) + " mask" + number(draw.mask_row) +
         " history" + number(draw.history_slot);
}

/// Slots on a device, and what must be in them.
struct CheckedSlots {
  CheckedSlots(Backend& backend, std::size_t count)
      : tokens(backend, count),
        positions(backend, count),
        sequences(backend, count),
        wanted(3, std::vector<std::int32_t>(count)) {
    for (std::size_t slot = 0; slot < count; ++slot) fill(slot);
  }
  void set(std::size_t slot, std::int32_t token, std::int32_t position, std::int32_t sequence) {
    wanted[0][slot] = token;
    wanted[1][slot] = position;
    wanted[2][slot] = sequence;
  }
  void fill(std::size_t slot) {
    const auto place = static_cast<std::int32_t>(slot);
    set(slot, 0, place % kFillerTokens, kFillerSequence + place / kFillerTokens);
  }
  void upload() {
    tokens.upload(wanted[0]);
    positions.upload(wanted[1]);
    sequences.upload(wanted[2]);
  }
  void compare(const char* name) const {
    EXPECT_EQ(tokens.download("tokens"), wanted[0]) << name;
    EXPECT_EQ(positions.download("positions"), wanted[1]) << name;
    EXPECT_EQ(sequences.download("sequences"), wanted[2]) << name;
  }
  [[nodiscard]] FeedSlots params() const {
    return {tokens.data(), positions.data(), sequences.data(), kFillerSequence, kFillerTokens};
  }
  GuardedArray<std::int32_t> tokens, positions, sequences;
  std::vector<std::vector<std::int32_t>> wanted;  // tokens, positions, sequences
};

}  // namespace fllm::test
