// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/likely_text.h"

#include <array>
#include <cstddef>
#include <string_view>

namespace fllm {
namespace {

constexpr std::string_view kBlanks = " \n\t\r", kSeparators = ":,";

std::size_t class_of_byte(const ByteDfa& dfa, char byte) { return dfa.class_of()[static_cast<unsigned char>(byte)]; }

/// [states] 1: separators lead there, and nothing else does.
std::vector<std::uint8_t> states_behind_separators(const ByteDfa& dfa) {
  const auto states = static_cast<std::size_t>(dfa.state_count()),
             classes = static_cast<std::size_t>(dfa.class_count());
  std::vector<std::uint8_t> separates(classes, 1);
  for (int value = 0; value < 256; ++value) {
    const char byte = static_cast<char>(static_cast<unsigned char>(value));
    if (kSeparators.find(byte) == std::string_view::npos) separates[class_of_byte(dfa, byte)] = 0;
  }
  constexpr std::uint8_t kNothing = 2;
  std::vector<std::uint8_t> behind(states, kNothing);
  for (std::size_t edge = classes; edge < states * classes; ++edge) {
    std::uint8_t& to = behind[static_cast<std::size_t>(dfa.next()[edge])];
    to = to == 0 ? std::uint8_t{0} : separates[edge % classes];
  }
  for (std::uint8_t& state : behind) state = state == 1 ? 1 : 0;
  return behind;
}

}  // namespace

AsciiSet ascii_behind(const ByteDfa& dfa, ByteDfa::State state) {
  AsciiSet found;
  for (std::size_t byte = 0; byte < found.size(); ++byte) {
    found[byte] = dfa.next(state, static_cast<char>(byte)) != ByteDfa::kDead;
  }
  return found;
}

LikelyText::LikelyText(const ByteDfa& dfa) : next_(static_cast<std::size_t>(dfa.state_count()), kSeveral) {
  constexpr std::int16_t kNone = -2;
  const auto classes = static_cast<std::size_t>(dfa.class_count());
  std::vector<std::int16_t> only(classes, kNone);  // of each class the byte that is no blank
  for (int value = 0; value < 256; ++value) {
    const char byte = static_cast<char>(static_cast<unsigned char>(value));
    if (kBlanks.find(byte) != std::string_view::npos) continue;
    std::int16_t& known = only[class_of_byte(dfa, byte)];
    known = known == kNone ? static_cast<std::int16_t>(value) : kSeveral;
  }
  const std::vector<std::uint8_t> separated = states_behind_separators(dfa);
  for (ByteDfa::State state = ByteDfa::kStart; state < dfa.state_count(); ++state) {
    const auto at = static_cast<std::size_t>(state);
    if (dfa.accepts(state)) continue;
    const auto may_come = [&](char byte) { return dfa.next(state, byte) != ByteDfa::kDead; };
    if (separated[at] != 0 && may_come(' ')) {
      next_[at] = ' ';
      continue;
    }
    std::int16_t found = kNone;
    for (std::size_t c = 0; c < classes && found != kSeveral; ++c) {
      if (only[c] == kNone || dfa.next()[at * classes + c] == ByteDfa::kDead) continue;
      found = found == kNone ? only[c] : kSeveral;
    }
    if (found == kNone) {
      for (const char blank : kBlanks) {
        if (may_come(blank)) found = found == kNone ? static_cast<std::int16_t>(blank) : kSeveral;
      }
    }
    next_[at] = found == kNone ? kSeveral : found;
  }
}

}  // namespace fllm
