// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "cuda/backend/backend.h"
#include "tests/support/device_rows.h"

// Rows that take tokens, as the definition has them: what the commits of a device are compared with.
namespace fllm::test {

inline constexpr std::int32_t kPlainVocab = 12;

/// What texts may be: states, some of whose edges lead nowhere, and what the tokens print.
struct PlainAutomaton {
  static constexpr std::int32_t kStates = 9, kMaskRows = 99;
  std::vector<std::int32_t> next, mask_rows;
  std::vector<std::int32_t> forced,
      spelled;  // [states], whatever the masks allow; of few tokens, such as texts have too
  std::vector<std::uint8_t> flags;
  std::vector<std::uint32_t> masks;  // [mask rows], a word each
  std::vector<std::string> texts;

  explicit PlainAutomaton(std::mt19937& random) {
    for (std::int32_t edge = 0; edge < kStates * 256; ++edge) {
      next.push_back(random() % 16 == 0 ? (random() % 2 == 0 ? -7 : kStates)
                                        : static_cast<std::int32_t>(random() % kStates));
    }
    for (std::int32_t state = 0; state < kStates; ++state) {
      mask_rows.push_back(static_cast<std::int32_t>(random() % (kMaskRows + 1)) - 1);
      // Of all kinds, more of them such that rows go on.
      flags.push_back(static_cast<std::uint8_t>(state % 3 == 0 ? state % 2 * kStateFreesEnds : state));
    }
    for (std::int32_t token = 0; token < kPlainVocab; ++token) {
      std::string& text = texts.emplace_back();
      for (auto length = random() % 4; length > 0; --length) text += static_cast<char>(random() % 256);
    }
    masks.resize(kMaskRows);
    for (std::uint32_t& mask : masks) {  // most tokens are allowed
      for (int i = 0; i < 3; ++i) mask |= static_cast<std::uint32_t>(random());
    }
    for (std::int32_t state = 0; state < kStates; ++state) {
      forced.push_back(state % 2 == 1 ? -1 : static_cast<std::int32_t>(random() % 4 * 3));
      spelled.push_back(state == 5 ? -1 : static_cast<std::int32_t>(random() % 4 * 3));
    }
    make_whole_behind(2, forced);
    make_whole_behind(3, spelled);
  }
  /// What a state gives makes the text whole.
  void make_whole_behind(std::int32_t state, std::vector<std::int32_t>& given) {
    constexpr std::int32_t kToken = 9, kWhole = 8;
    texts[kToken] = "z";
    given[static_cast<std::size_t>(state)] = kToken;
    next[static_cast<std::size_t>(state) * 256 + 'z'] = kWhole;
  }
  [[nodiscard]] bool allows(std::int32_t mask_row, std::int32_t token) const {
    return mask_row < 0 || (masks[static_cast<std::size_t>(mask_row)] >> token & 1u) != 0;
  }
  /// -1: none is.
  [[nodiscard]] std::int32_t forced_in(std::int32_t state) const {
    return state >= 0 && state < kStates ? forced[static_cast<std::size_t>(state)] : -1;
  }
  [[nodiscard]] std::int32_t spelled_in(std::int32_t state) const {
    return state >= 0 && state < kStates ? spelled[static_cast<std::size_t>(state)] : -1;
  }
  [[nodiscard]] bool has(std::int32_t state, StateFlag flag) const {
    return state >= 0 && state < kStates && (flags[static_cast<std::size_t>(state)] & flag) != 0;
  }
  /// -1: nowhere.
  [[nodiscard]] std::int32_t behind(std::int32_t state, std::int32_t token) const {
    for (const char byte : texts[static_cast<std::size_t>(token)]) {
      if (state < 0 || state >= kStates) return -1;
      state = next[static_cast<std::size_t>(state) * 256 + static_cast<unsigned char>(byte)];
    }
    return state < 0 || state >= kStates ? -1 : state;
  }
};

/// A row as the definition has it: what it has, and whether it goes on.
struct PlainRow {
  std::int32_t prompt_count = 1, limit = 2, min_tokens = 0;
  std::vector<std::int32_t> end_ids;
  std::vector<std::int32_t> output;
  std::vector<float> logprobs;
  bool ended = false;
  std::int32_t input = 0;  // what the model reads next, at input_position
  std::int32_t input_position = 0;
  std::int32_t state = -1, mask_row = -5;
  std::int32_t free_from = 0;  // end tokens end it from so many tokens on

  [[nodiscard]] double sum() const {
    double total = 0;
    for (const float logprob : logprobs) total += static_cast<double>(logprob);
    return total;
  }
  [[nodiscard]] bool is_end(std::int32_t token) const {
    return std::find(end_ids.begin(), end_ids.end(), token) != end_ids.end();
  }
  /// The token is part of the text; the row goes on with it unless one of the four reasons to end holds.
  void take(std::int32_t token, float logprob, const PlainAutomaton& automaton) {
    if (token < 0) {
      ended = true;
      return;
    }
    ended =
        is_end(token) && static_cast<std::int32_t>(output.size()) >= free_from && !automaton.has(state, kStateSpells);
    output.push_back(token);
    logprobs.push_back(logprob);
    ended = ended || prompt_count + static_cast<std::int32_t>(output.size()) == limit;
    const std::int32_t to = automaton.behind(state, token);
    ended = ended || automaton.has(to, kStateEnds);
    if (ended) return;
    input = token;
    ++input_position;
    state = to;
    if (state < 0) return;
    mask_row = automaton.mask_rows[static_cast<std::size_t>(state)];
    free_from = automaton.has(state, kStateFreesEnds) ? 0 : min_tokens;
  }
};

inline PlainRow random_plain_row(std::mt19937& random) {
  PlainRow row;
  row.prompt_count = 1 + static_cast<std::int32_t>(random() % 40);
  row.limit = row.prompt_count + 1 + static_cast<std::int32_t>(random() % 9);
  row.min_tokens = row.free_from = static_cast<std::int32_t>(random() % 4);
  constexpr std::int32_t kStarts[] = {-1, 0, 1, 2, 3, 4, 6, 7, PlainAutomaton::kStates};
  row.state = kStarts[random() % 9];
  if (random() % 2 == 0) row.free_from = static_cast<std::int32_t>(random() % 2);
  const std::size_t ends = random() % 4;
  while (row.end_ids.size() < ends) row.end_ids.push_back(static_cast<std::int32_t>(random() % kPlainVocab));
  row.ended = random() % 8 == 0;  // a place without a row
  row.input = static_cast<std::int32_t>(random() % kPlainVocab);
  row.input_position = row.prompt_count - 1;
  return row;
}

/// An automaton's tables on a device.
struct DeviceAutomata {
  DeviceAutomata(Backend& backend, const PlainAutomaton& automaton)
      : next(backend, automaton.next),
        mask_rows(backend, automaton.mask_rows),
        forced(backend, automaton.forced),
        spelled(backend, automaton.spelled),
        flags(backend, automaton.flags),
        bytes(backend, bytes_of(automaton)),
        offsets(backend, offsets_of(automaton)) {}

  [[nodiscard]] ByteAutomata params() const {
    return {next.data(),    mask_rows.data(),        flags.data(),  bytes.data(),
            offsets.data(), PlainAutomaton::kStates, forced.data(), spelled.data()};
  }

  DeviceTable<std::int32_t> next, mask_rows, forced, spelled;
  DeviceTable<std::uint8_t> flags, bytes;
  DeviceTable<std::int64_t> offsets;

 private:
  static std::vector<std::uint8_t> bytes_of(const PlainAutomaton& automaton) {
    std::vector<std::uint8_t> all;
    for (const std::string& text : automaton.texts) all.insert(all.end(), text.begin(), text.end());
    return all;
  }
  static std::vector<std::int64_t> offsets_of(const PlainAutomaton& automaton) {
    std::vector<std::int64_t> ends{0};
    for (const std::string& text : automaton.texts)
      ends.push_back(ends.back() + static_cast<std::int64_t>(text.size()));
    return ends;
  }
};

template <class T>
void expect_equal(const GuardedArray<T>& device, const std::vector<T>& wanted, const char* name) {
  EXPECT_EQ(device.download(name), wanted) << name;
}

}  // namespace fllm::test
