// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "host/constraint/code_points.h"

namespace fllm {

/// The UTF-8 bytes of one code point of a set, as a small automaton: place 0 is before them, place 1 behind them.
struct Utf8Automaton {
  struct Edge {
    std::int32_t from = 0, to = 0;
    std::uint8_t first = 0, last = 0;  // bytes, both in it
  };
  std::vector<Edge> edges;
  std::int32_t place_count = 2;
};

/// Places with the same bytes ahead are one, so that a large set takes few (Cox: "Regular Expression Matching in the
/// Wild", 2010, on compiling UTF-8 ranges).
[[nodiscard]] Utf8Automaton utf8_automaton(const CodePointSet& set);

}  // namespace fllm
