// SPDX-License-Identifier: Apache-2.0
#include "host/engine/beam_memory.h"

#include <algorithm>

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

BeamMemory::BeamMemory(Backend& backend, const StepCapacity& capacity, AutomatonMemory& automata)
    : backend_(&backend),
      capacity_(capacity),
      automata_(&automata),
      memory_(backend, bytes_for(capacity)),
      free_memory_(static_cast<std::int64_t>(memory_.size())),
      free_slots_(std::int64_t{2} * capacity.rows) {
  constexpr std::int64_t kVisibleWords = std::int64_t{1} << 20;
  const std::int64_t one = kNewsWords + capacity.context_length;
  const std::int64_t words = std::clamp(capacity.rows * one, one, std::max(one, kVisibleWords));
  visible_ = backend.allocate_visible(static_cast<std::size_t>(words) * sizeof(std::uint32_t));
  free_visible_.extend(words);
}

bool BeamMemory::has_room(const BeamPlan& plan) {
  return free_memory_.has(memory_bytes(plan)) && free_visible_.has(visible_words(plan)) &&
         free_slots_.has(slot_count(plan)) && automata_->has_room(*plan.automaton);
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
  places.norms = take_or_extend(free_norms_, static_cast<std::int64_t>(plan.norms.size()));
  places.automaton = automata_->take(plan.automaton).value();
  norms_.put(static_cast<std::size_t>(places.norms), plan.norms);
  std::fill_n(news(places), visible_words(plan), 0u);
  return places;
}

void BeamMemory::give_back(const BeamPlan& plan, const BeamPlaces& places) {
  free_memory_.give_back(places.memory, memory_bytes(plan));
  free_visible_.give_back(places.visible, visible_words(plan));
  free_slots_.give_back(places.slots, slot_count(plan));
  free_norms_.give_back(places.norms, static_cast<std::int64_t>(plan.norms.size()));
  automata_->give_back(*plan.automaton);
}

BeamSearch BeamMemory::search_at(const BeamPlan& plan, const BeamPlaces& places) const {
  const BeamArrays arrays(plan);
  std::byte* const memory = memory_.data() + places.memory;
  const auto at = [memory](std::size_t offset) { return static_cast<void*>(memory + offset); };
  BeamSearch search;
  search.rules = plan.rules;
  search.rules.first_norm = static_cast<std::int32_t>(places.norms);
  search.rules.first_slot = plan.penalties ? static_cast<std::int32_t>(places.slots) : -1;
  search.cum = static_cast<float*>(at(arrays.cum));
  if (plan.automaton->mask_start >= 0) {
    search.rules.mask_start = places.automaton.state(plan.automaton->mask_start);
    search.mask_states = static_cast<std::int32_t*>(at(arrays.mask_states));
  }
  if (plan.automaton->stop_start >= 0) {
    search.rules.stop_start = places.automaton.state(plan.automaton->stop_start);
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

void BeamMemory::put_history(const BeamPlaces& places, std::span<const CountEntry> counts) {
  const auto first = static_cast<std::size_t>(places.slots);
  const auto count = static_cast<std::int32_t>(counts.size());
  backend_->upload(count_sizes_.data() + first, &count, sizeof count);
  if (counts.empty()) return;
  backend_->upload(counts_.data() + first * capacity_.counts_per_row(), counts.data(), counts.size_bytes());
}

HistoryTable BeamMemory::history() const {
  if (counts_.data() == nullptr) return {};
  return {counts_.data(), count_sizes_.data(), static_cast<std::int32_t>(capacity_.counts_per_row()),
          2 * capacity_.rows};
}

}  // namespace fllm
