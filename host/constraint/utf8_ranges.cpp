// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/utf8_ranges.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <string>

#include "host/tokenizer/utf8.h"

namespace fllm {
namespace {

struct ByteRange {
  std::uint8_t first = 0, last = 0;
  friend bool operator<(const ByteRange& a, const ByteRange& b) {
    return a.first != b.first ? a.first < b.first : a.last < b.last;
  }
};
using ByteRanges = std::vector<ByteRange>;

/// Splits a range until every byte of its encodings is free within bounds of its own, whatever the others are.
void add_sequences(CodePointRange range, std::vector<ByteRanges>& out) {
  for (const char32_t bound : {char32_t{0x7F}, char32_t{0x7FF}, char32_t{0xFFFF}}) {
    if (range.first <= bound && range.last > bound) {
      add_sequences({range.first, bound}, out);
      add_sequences({bound + 1, range.last}, out);
      return;
    }
  }
  if (range.first >= 0x80) {
    for (int level = 1; level < 4; ++level) {
      const char32_t low = (char32_t{1} << (6 * level)) - 1;  // bits of the last `level` bytes
      if ((range.first & ~low) == (range.last & ~low)) continue;
      if ((range.first & low) != 0) {
        add_sequences({range.first, range.first | low}, out);
        add_sequences({(range.first | low) + 1, range.last}, out);
        return;
      }
      if ((range.last & low) != low) {
        add_sequences({range.first, (range.last & ~low) - 1}, out);
        add_sequences({range.last & ~low, range.last}, out);
        return;
      }
    }
  }
  const std::string first = encode_code_point(range.first), last = encode_code_point(range.last);
  ByteRanges& sequence = out.emplace_back();
  for (std::size_t i = 0; i < first.size(); ++i) {
    sequence.push_back({static_cast<std::uint8_t>(first[i]), static_cast<std::uint8_t>(last[i])});
  }
}

}  // namespace

Utf8Automaton utf8_automaton(const CodePointSet& set) {
  std::vector<ByteRanges> sequences;
  for (const CodePointRange& range : set.ranges()) add_sequences(range, sequences);
  Utf8Automaton automaton;
  std::map<ByteRanges, std::int32_t> place_of;  // of what is ahead
  for (ByteRanges& sequence : sequences) {
    std::int32_t from = 0;
    while (!sequence.empty()) {
      const ByteRange range = sequence.front();
      sequence.erase(sequence.begin());
      bool known = true;
      std::int32_t to = 1;
      if (!sequence.empty()) {
        const auto [place, added] = place_of.try_emplace(sequence, automaton.place_count);
        if (added) ++automaton.place_count;
        known = !added;
        to = place->second;
      }
      automaton.edges.push_back({from, to, range.first, range.last});
      if (known) break;
      from = to;
    }
  }
  return automaton;
}

}  // namespace fllm
