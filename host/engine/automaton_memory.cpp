// SPDX-License-Identifier: Apache-2.0
#include "host/engine/automaton_memory.h"

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace fllm {
namespace {

/// Rows of masks there is room for: a small vocabulary has no more than its automata have states.
std::int64_t most_masks(const StepCapacity& capacity) {
  const auto words = static_cast<std::int64_t>(capacity.mask_words_per_row());
  const auto most = static_cast<std::int64_t>(DeviceAutomaton::kMaxMaskWords) / words;
  return std::min(most, std::int64_t{DeviceAutomaton::kMaxStates} + capacity.rows + 1);
}

}  // namespace

AutomatonMemory::AutomatonMemory(Backend& backend, const StepCapacity& capacity, const Vocabulary& vocabulary)
    : backend_(&backend),
      capacity_(capacity),
      vocabulary_(&vocabulary),
      free_states_(DeviceAutomaton::kMaxStates),
      free_masks_(most_masks(capacity)) {}

std::vector<AutomatonMemory::Entry>::iterator AutomatonMemory::find(const DeviceAutomaton& automaton) {
  return std::ranges::find_if(entries_, [&](const Entry& entry) { return entry.automaton.get() == &automaton; });
}

bool AutomatonMemory::has_room(const DeviceAutomaton& automaton) {
  if (find(automaton) != entries_.end()) return true;
  const auto fits = [&] {
    return free_states_.has(automaton.state_count()) && free_masks_.has(automaton.mask_count());
  };
  while (!fits()) {
    const auto idle = std::ranges::find(entries_, 0, &Entry::users);
    if (idle == entries_.end()) return false;
    free_states_.give_back(idle->place.states, idle->automaton->state_count());
    free_masks_.give_back(idle->place.masks, idle->automaton->mask_count());
    entries_.erase(idle);
  }
  return true;
}

std::optional<AutomatonPlace> AutomatonMemory::take(const std::shared_ptr<const DeviceAutomaton>& automaton) {
  if (!has_room(*automaton)) return std::nullopt;
  if (const auto known = find(*automaton); known != entries_.end()) {
    ++known->users;
    return known->place;
  }
  if (masks_.data() == nullptr) make();
  const AutomatonPlace place{free_states_.take(automaton->state_count()).value(),
                             free_masks_.take(automaton->mask_count()).value()};
  upload(*automaton, place);
  entries_.push_back({automaton, place, 1});
  return place;
}

void AutomatonMemory::give_back(const DeviceAutomaton& automaton) {
  if (const auto known = find(automaton); known != entries_.end()) --known->users;
}

void AutomatonMemory::make() {
  constexpr auto kStates = static_cast<std::size_t>(DeviceAutomaton::kMaxStates);
  std::vector<std::int64_t> offsets{0};
  std::vector<std::uint8_t> bytes;
  for (TokenId id = 0; id < vocabulary_->size(); ++id) {
    const std::string_view text = vocabulary_->tokens.bytes(id);
    bytes.insert(bytes.end(), text.begin(), text.end());
    offsets.push_back(static_cast<std::int64_t>(bytes.size()));
  }
  bytes.push_back(0);  // so that there is something to point to
  next_ = {*backend_, kStates * 256};
  mask_rows_ = {*backend_, kStates};
  forced_tokens_ = {*backend_, kStates};
  spelled_tokens_ = {*backend_, kStates};
  flags_ = {*backend_, kStates};
  bytes_ = {*backend_, bytes.size()};
  offsets_ = {*backend_, offsets.size()};
  bytes_.upload(bytes);
  offsets_.upload(offsets);
  masks_ = {*backend_, static_cast<std::size_t>(free_masks_.capacity()) * capacity_.mask_words_per_row()};
}

void AutomatonMemory::upload(const DeviceAutomaton& automaton, const AutomatonPlace& place) {
  const auto put = [this](auto& table, std::size_t first, const auto& values) {
    if (values.empty()) return;
    backend_->upload(table.data() + first, values.data(), values.size() * sizeof(values[0]));
  };
  const auto first = static_cast<std::size_t>(place.states);
  std::vector<std::int32_t> moved = automaton.next;
  for (std::int32_t& state : moved) state = place.state(state);
  put(next_, first * 256, moved);
  moved = automaton.mask_rows;
  for (std::int32_t& row : moved) row += row >= 0 ? static_cast<std::int32_t>(place.masks) : 0;
  put(mask_rows_, first, moved);
  put(flags_, first, automaton.flags);
  put(forced_tokens_, first, automaton.forced_tokens);
  put(spelled_tokens_, first, automaton.spelled_tokens);
  put(masks_, static_cast<std::size_t>(place.masks) * capacity_.mask_words_per_row(), automaton.masks);
}

ByteAutomata AutomatonMemory::automata() const {
  if (masks_.data() == nullptr) return {};
  return {next_.data(),    mask_rows_.data(),           flags_.data(),         bytes_.data(),
          offsets_.data(), DeviceAutomaton::kMaxStates, forced_tokens_.data(), spelled_tokens_.data()};
}

}  // namespace fllm
