// SPDX-License-Identifier: Apache-2.0
#include "host/engine/beam_memory.h"

#include <algorithm>
#include <string_view>

namespace fllm {
namespace {

constexpr std::int64_t kNewsWords = 2;

std::int64_t memory_bytes(const BeamPlan& plan) { return static_cast<std::int64_t>(BeamArrays(plan).bytes); }
std::int64_t visible_words(const BeamPlan& plan) { return kNewsWords + plan.rules.max_length; }
std::int64_t slot_count(const BeamPlan& plan) { return plan.penalties ? 2 * plan.rules.width : 0; }

/// Of a table that grows: there is always a stretch.
std::int64_t take_or_extend(Regions& regions, std::int64_t count) {
  if (const auto first = regions.take(count)) return *first;
  regions.extend(regions.capacity() + std::max(regions.capacity(), count));
  return regions.take(count).value();
}

}  // namespace

std::size_t BeamMemory::bytes_for(const StepCapacity& capacity) {
  constexpr std::size_t kMost = std::size_t{64} << 20;  // a thousand beams of five thousand tokens
  BeamPlan row;
  row.rules.max_length = capacity.context_length;
  return std::min(capacity.row_count() * BeamArrays(row).bytes, kMost);
}

BeamMemory::BeamMemory(Backend& backend, const StepCapacity& capacity, const Vocabulary& vocabulary)
    : backend_(&backend),
      capacity_(capacity),
      memory_(backend, bytes_for(capacity)),
      free_memory_(static_cast<std::int64_t>(memory_.size())),
      free_slots_(std::int64_t{2} * capacity.rows) {
  constexpr std::int64_t kVisibleWords = std::int64_t{1} << 20;
  const std::int64_t one = kNewsWords + capacity.context_length;
  const std::int64_t words = std::clamp(capacity.rows * one, one, std::max(one, kVisibleWords));
  visible_ = backend.allocate_visible(static_cast<std::size_t>(words) * sizeof(std::uint32_t));
  free_visible_.extend(words);
  std::vector<std::int64_t> offsets{0};
  std::vector<std::uint8_t> bytes;
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    const std::string_view text = vocabulary.tokens.bytes(id);
    bytes.insert(bytes.end(), text.begin(), text.end());
    offsets.push_back(static_cast<std::int64_t>(bytes.size()));
  }
  bytes.push_back(0);  // so that there is something to point to
  token_bytes_.put(0, bytes);
  token_offsets_.put(0, offsets);
}

bool BeamMemory::has_room(const BeamPlan& plan) const {
  return free_memory_.has(memory_bytes(plan)) && free_visible_.has(visible_words(plan)) &&
         free_slots_.has(slot_count(plan));
}

BeamPlaces BeamMemory::take(const BeamPlan& plan) {
  const std::int64_t slots = slot_count(plan);
  if (slots > 0 && counts_.data() == nullptr) {
    counts_ = {*backend_, 2 * capacity_.row_count() * capacity_.counts_per_row()};
    count_sizes_ = {*backend_, 2 * capacity_.row_count()};
  }
  BeamPlaces places;
  places.memory = free_memory_.take(memory_bytes(plan)).value();
  places.visible = free_visible_.take(visible_words(plan)).value();
  places.slots = free_slots_.take(slots).value();
  const DeviceAutomaton& automaton = plan.automaton;
  places.norms = take_or_extend(free_norms_, static_cast<std::int64_t>(plan.norms.size()));
  places.states = take_or_extend(free_states_, automaton.state_count());
  places.masks = take_or_extend(free_masks_, automaton.mask_count());
  norms_.put(static_cast<std::size_t>(places.norms), plan.norms);
  masks_.put(static_cast<std::size_t>(places.masks) * capacity_.mask_words_per_row(), automaton.masks);
  const auto states = static_cast<std::size_t>(places.states);
  std::vector<std::int32_t> moved = automaton.next;
  for (std::int32_t& state : moved) state += static_cast<std::int32_t>(places.states);
  next_.put(states * 256, moved);
  moved = automaton.mask_rows;
  for (std::int32_t& row : moved) row += row >= 0 ? static_cast<std::int32_t>(places.masks) : 0;
  mask_rows_.put(states, moved);
  accepts_.put(states, automaton.accepts);
  std::fill_n(news(places), visible_words(plan), 0u);
  return places;
}

void BeamMemory::give_back(const BeamPlan& plan, const BeamPlaces& places) {
  free_memory_.give_back(places.memory, memory_bytes(plan));
  free_visible_.give_back(places.visible, visible_words(plan));
  free_slots_.give_back(places.slots, slot_count(plan));
  free_norms_.give_back(places.norms, static_cast<std::int64_t>(plan.norms.size()));
  free_states_.give_back(places.states, plan.automaton.state_count());
  free_masks_.give_back(places.masks, plan.automaton.mask_count());
}

BeamSearch BeamMemory::search_at(const BeamPlan& plan, const BeamPlaces& places) const {
  const BeamArrays arrays(plan);
  std::byte* const memory = memory_.data() + places.memory;
  const auto at = [memory](std::size_t offset) { return static_cast<void*>(memory + offset); };
  BeamSearch search;
  search.rules = plan.rules;
  search.rules.first_norm = static_cast<std::int32_t>(places.norms);
  search.rules.first_slot = plan.penalties ? static_cast<std::int32_t>(places.slots) : -1;
  const auto moved = [&](std::int32_t state) { return state + static_cast<std::int32_t>(places.states); };
  search.cum = static_cast<float*>(at(arrays.cum));
  if (plan.automaton.mask_start >= 0) {
    search.rules.mask_start = moved(plan.automaton.mask_start);
    search.mask_states = static_cast<std::int32_t*>(at(arrays.mask_states));
  }
  if (plan.automaton.stop_start >= 0) {
    search.rules.stop_start = moved(plan.automaton.stop_start);
    search.stop_states = static_cast<std::int32_t*>(at(arrays.stop_states));
  }
  search.tokens = static_cast<std::int32_t*>(at(arrays.tokens));
  search.parents = static_cast<std::uint16_t*>(at(arrays.parents));
  search.logprobs = static_cast<float*>(at(arrays.logprobs));
  search.ancestors = at(arrays.ancestors);
  search.pool = static_cast<BeamHypothesis*>(at(arrays.pool));
  search.news = static_cast<std::uint32_t*>(visible_->on_device()) + places.visible;
  search.proven_tokens = reinterpret_cast<std::int32_t*>(search.news + kNewsWords);
  return search;
}

std::int32_t BeamMemory::first_mask_row(const BeamPlan& plan, const BeamPlaces& places) {
  const DeviceAutomaton& automaton = plan.automaton;
  const std::int32_t row = automaton.mask_start >= 0
                               ? automaton.mask_rows[static_cast<std::size_t>(automaton.mask_start)]
                               : automaton.base_row;
  return row >= 0 ? row + static_cast<std::int32_t>(places.masks) : -1;
}

void BeamMemory::put_history(const BeamPlaces& places, std::span<const CountEntry> counts) {
  const auto first = static_cast<std::size_t>(places.slots);
  const auto count = static_cast<std::int32_t>(counts.size());
  backend_->upload(count_sizes_.data() + first, &count, sizeof count);
  if (counts.empty()) return;
  backend_->upload(counts_.data() + first * capacity_.counts_per_row(), counts.data(), counts.size_bytes());
}

void BeamMemory::upload_tables() {
  norms_.upload(*backend_);
  next_.upload(*backend_);
  mask_rows_.upload(*backend_);
  accepts_.upload(*backend_);
  masks_.upload(*backend_);
  token_bytes_.upload(*backend_);
  token_offsets_.upload(*backend_);
}

HistoryTable BeamMemory::history() const {
  if (counts_.data() == nullptr) return {};
  return {counts_.data(), count_sizes_.data(), static_cast<std::int32_t>(capacity_.counts_per_row()),
          2 * capacity_.rows};
}

BeamAutomata BeamMemory::automata() const {
  BeamAutomata automata;
  automata.next = next_.data();
  automata.mask_rows = mask_rows_.data();
  automata.accepts = accepts_.data();
  automata.bytes = token_bytes_.data();
  automata.offsets = token_offsets_.data();
  automata.state_count = static_cast<std::int32_t>(accepts_.size());
  return automata;
}

}  // namespace fllm
