// SPDX-License-Identifier: Apache-2.0
#include "host/engine/row_automata.h"

#include <algorithm>

#include "fundamentallm/result.h"

namespace fllm {
namespace {

constexpr std::size_t kMaxKeptAutomata = 8;
// Of nodes of the vocabulary's trie, in a step: a large vocabulary and a large constraint take a second in all, and steps that
// wait for the host go on meanwhile.
constexpr std::int64_t kVisitsOfAStep = std::int64_t{1} << 18;

}  // namespace

DeviceAutomaton automaton_of(const RequestState& request, std::size_t mask_words, bool with_stops) {
  DeviceAutomaton automaton(request.base_mask, mask_words);
  const PrefixConstraint* prefix = request.prefix ? &*request.prefix : nullptr;
  if (request.constraint != nullptr) {  // the prefix is a part of it
    automaton.constrain(*request.constraint, request.banned_text.get(), request.can_draw_end);
  } else if (prefix != nullptr || request.banned_text != nullptr) {
    automaton.constrain(prefix, request.banned_text.get());
  }
  if (with_stops && request.stops != nullptr) automaton.stop_at(*request.stops, prefix);
  return automaton;
}

bool RowAutomata::prepare(RequestState& request) {
  RowAutomaton& automaton = request.automaton;
  if (!request.has_masks() || automaton.place) return true;
  if (automaton.too_large) return false;
  try {
    if (automaton.tables == nullptr) {
      if (request.constraint != nullptr) {
        DeviceAutomaton::check_states(request.constraint->dfa().state_count());
        if (!request.constraint->work_out(kVisitsOfAStep)) return false;
      }
      automaton.tables = build(request);
    }
    automaton.place = memory_->take(automaton.tables);
  } catch (const Exception& limit) {  // no error: such rows draw with the host's masks
    if (limit.code() == ErrorCode::kDeviceLost || limit.code() == ErrorCode::kInternal) throw;
    automaton.too_large = true;
  }
  return automaton.place.has_value();
}

void RowAutomata::release(RequestState& request) {
  if (request.automaton.place) memory_->give_back(*request.automaton.tables);
  request.automaton.place.reset();
}

std::shared_ptr<const DeviceAutomaton> RowAutomata::build(const RequestState& request) {
  const std::string& prefix = request.request.control.prefix;
  const auto known = std::ranges::find_if(entries_, [&](const Entry& entry) {
    return entry.constraint == request.constraint && entry.banned_text == request.banned_text &&
           entry.prefix == prefix && entry.ban_ids == request.ban_ids;
  });
  if (known != entries_.end()) {
    std::rotate(entries_.begin(), known, known + 1);
    return entries_.front().tables;
  }
  auto tables = std::make_shared<const DeviceAutomaton>(automaton_of(request, mask_words_, false));
  if (entries_.size() == kMaxKeptAutomata) entries_.pop_back();
  entries_.insert(entries_.begin(), {request.constraint, request.banned_text, prefix, request.ban_ids, tables});
  return tables;
}

}  // namespace fllm
