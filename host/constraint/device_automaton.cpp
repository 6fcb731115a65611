// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/device_automaton.h"

#include <optional>
#include <string>
#include <utility>

#include "fundamentallm/result.h"
#include "host/constraint/token_mask.h"

namespace fllm {
namespace {

constexpr TokenId kNoToken = -1;

/// A forced or spelled token, unless banned text forbids it.
TokenId unless_banned(std::optional<TokenId> token, std::span<const std::uint32_t> mask) {
  return token && is_allowed(mask, *token) ? *token : kNoToken;
}

}  // namespace

DeviceAutomaton::DeviceAutomaton(std::span<const std::uint32_t> base_mask, std::size_t mask_words)
    : base_(base_mask.begin(), base_mask.end()), words_(mask_words) {
  if (!base_.empty()) base_row = row_of(base_);
}

void DeviceAutomaton::constrain(const PrefixConstraint* prefix, const BannedText* banned) {
  const std::string_view forced = prefix != nullptr ? prefix->text() : std::string_view();
  const std::int32_t free_states = banned != nullptr ? banned->automaton().state_count() : 1;
  check_size(static_cast<std::int64_t>(forced.size()) + free_states);
  mask_start = state_count();
  const std::int32_t free_start = mask_start + static_cast<std::int32_t>(forced.size());
  const auto behind = [&](std::size_t bytes) {  // of what is banned
    return banned != nullptr ? banned->advance(banned->start(), forced.substr(0, bytes)) : 0;
  };
  std::vector<std::uint32_t> mask(words_);
  for (std::size_t at = 0; prefix != nullptr && at < forced.size(); ++at) {
    forbid_all(mask);
    for (const TokenId id : prefix->allowed(static_cast<std::int32_t>(at))) allow(mask, id);
    if (banned != nullptr) banned->forbid_in(behind(at), mask);
    mask_rows.push_back(row_of(mask));
    forced_tokens.push_back(unless_banned(prefix->forced(static_cast<std::int32_t>(at)), mask));
    spelled_tokens.push_back(unless_banned(prefix->spelled(static_cast<std::int32_t>(at)), mask));
  }
  // Within the prefix the masks alone decide: an end token may be part of its spelling.
  add_chain(forced, free_start + behind(forced.size()), kStateFreesEnds | kStateSpells);
  if (banned == nullptr) {
    next.insert(next.end(), 256, free_start);
    add_state(base_row, 0);
    return;
  }
  add_copy(banned->automaton());
  for (std::int32_t state = 0; state < free_states; ++state) {
    if (base_.empty()) {
      allow_all(mask);
    } else {
      mask = base_;
    }
    banned->forbid_in(state, mask);
    add_state(row_of(mask), 0);
  }
}

void DeviceAutomaton::constrain(ConstraintTables& tables, const BannedText* banned, bool can_draw_end) {
  using Pair = std::pair<ByteDfa::State, BannedText::State>;
  const ByteDfa& dfa = tables.dfa();
  check_size(dfa.state_count());
  const auto is_banned = [&](BannedText::State state) {
    return banned != nullptr && banned->automaton().match_length(state) > 0;
  };
  std::map<Pair, std::int32_t> states, rows;  // rows: of a row of the constraint's and a state of what is banned
  std::vector<Pair> pairs;
  std::vector<std::uint32_t> mask(words_);
  const std::int32_t nowhere = add_state(row_of(mask), 0);
  next.insert(next.end(), 256, nowhere);
  const auto state_of = [&](const Pair& pair) {
    if (pair.first == ByteDfa::kDead || is_banned(pair.second)) return nowhere;
    const auto [found, added] = states.try_emplace(pair, nowhere + 1 + static_cast<std::int32_t>(pairs.size()));
    if (added) {
      pairs.push_back(pair);
      check_size(found->second + 1 - state_count());
    }
    return found->second;
  };
  const auto mask_row_of = [&](const Pair& pair) {
    const std::int32_t of_tables = tables.mask_row()[static_cast<std::size_t>(pair.first)];
    const auto [found, added] = rows.try_emplace({of_tables, pair.second}, -1);
    if (added) {
      const auto words = tables.row(pair.first);
      mask.assign(words.begin(), words.end());
      if (banned != nullptr) banned->forbid_in(pair.second, mask);
      found->second = row_of(mask);
    }
    return found->second;
  };
  mask_start = state_of({ByteDfa::kStart, ByteAutomaton::kRoot});
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const Pair pair = pairs[i];
    const bool rests = tables.can_finish(pair.first);  // else a token may only pass through it
    const bool must_end = rests && dfa.accepts(pair.first) && !tables.can_go_on(pair.first);
    const int flags_here = !must_end ? 0 : can_draw_end ? kStateFreesEnds : kStateFreesEnds | kStateEnds;
    const std::int32_t row = rests ? mask_row_of(pair) : mask_rows[static_cast<std::size_t>(nowhere)];
    add_state(row, static_cast<std::uint8_t>(flags_here));
    if (rests) {
      forced_tokens.back() = unless_banned(tables.forced(pair.first), mask_at(row));
      spelled_tokens.back() = unless_banned(tables.spelled(pair.first), mask_at(row));
    }
    Pair before{ByteDfa::kDead, ByteAutomaton::kRoot};  // where the last byte led: neighbours mostly lead to the same
    std::int32_t found = nowhere;
    for (int value = 0; value < 256; ++value) {
      const char byte = static_cast<char>(static_cast<unsigned char>(value));
      const BannedText::State of_banned =
          banned != nullptr ? banned->automaton().next(pair.second, byte) : ByteAutomaton::kRoot;
      const Pair to{dfa.next(pair.first, byte), of_banned};
      if (to != before) found = state_of(to);
      before = to;
      next.push_back(found);
    }
  }
}

void DeviceAutomaton::stop_at(const ByteAutomaton& stops, const PrefixConstraint* prefix) {
  const std::string_view forced = prefix != nullptr ? prefix->text() : std::string_view();
  check_size(static_cast<std::int64_t>(forced.size()) + stops.state_count());
  stop_start = state_count();
  mask_rows.insert(mask_rows.end(), forced.size() + static_cast<std::size_t>(stops.state_count()), -1);
  forced_tokens.resize(mask_rows.size(), kNoToken);
  spelled_tokens.resize(mask_rows.size(), kNoToken);
  add_chain(forced, stop_start + static_cast<std::int32_t>(forced.size()), 0);
  add_copy(stops);
  for (std::int32_t state = 0; state < stops.state_count(); ++state) {
    flags.push_back(stops.match_length(state) > 0 ? kStateAccepts : 0);
  }
}

/// A state for each byte of the prefix, then `behind`. Other bytes do not come: the masks forbid them.
void DeviceAutomaton::add_chain(std::string_view prefix, std::int32_t behind, std::uint8_t flags_within) {
  for (std::size_t at = 0; at < prefix.size(); ++at) {
    const std::int32_t state = state_count();
    const std::size_t edges = next.size();
    next.insert(next.end(), 256, state);
    next[edges + static_cast<unsigned char>(prefix[at])] = at + 1 < prefix.size() ? state + 1 : behind;
    flags.push_back(flags_within);
  }
}

std::int32_t DeviceAutomaton::add_state(std::int32_t mask_row, std::uint8_t flags_there) {
  mask_rows.push_back(mask_row);
  forced_tokens.push_back(kNoToken);
  spelled_tokens.push_back(kNoToken);
  flags.push_back(flags_there);
  return state_count() - 1;
}

/// The edges of an automaton, its root the next state.
void DeviceAutomaton::add_copy(const ByteAutomaton& automaton) {
  const std::int32_t first = state_count();
  for (std::int32_t state = 0; state < automaton.state_count(); ++state) {
    for (int byte = 0; byte < 256; ++byte) {
      next.push_back(first + automaton.next(state, static_cast<char>(static_cast<unsigned char>(byte))));
    }
  }
}

std::int32_t DeviceAutomaton::row_of(const std::vector<std::uint32_t>& mask) {
  const auto [found, added] = rows_.try_emplace(mask, mask_count());
  if (added) {
    if (masks.size() + words_ > kMaxMaskWords) {
      throw Exception(ErrorCode::kUnsupported, "constraint, prefix, banned_text: " + std::to_string(mask_count()) +
                                                   " masks: those of a beam search may have " +
                                                   std::to_string(kMaxMaskWords) +
                                                   " words in all; shorter texts need fewer");
    }
    masks.insert(masks.end(), mask.begin(), mask.end());
  }
  return found->second;
}

void DeviceAutomaton::check_states(std::int64_t count, std::string_view name) {
  if (count <= kMaxStates) return;
  throw Exception(ErrorCode::kUnsupported, std::string(name) + ": " + std::to_string(count) +
                                               " states: a beam search may have " + std::to_string(kMaxStates) +
                                               "; fewer or shorter texts and repetitions are allowed");
}

}  // namespace fllm
