// SPDX-License-Identifier: Apache-2.0
#include "host/engine/device_loop.h"

#include <algorithm>
#include <exception>

namespace fllm {

// One slot more than steps in flight: the sums of the step taken last are still there.
DeviceLoop::DeviceLoop(Backend& backend, const StepCapacity& capacity, std::int32_t steps_ahead,
                       const AutomatonMemory& automata)
    : backend_(&backend),
      capacity_(capacity),
      steps_ahead_(steps_ahead),
      automata_(&automata),
      ring_(backend, steps_ahead + 1, capacity.rows),
      recordings_(backend, capacity.rows),
      states_(backend, capacity.row_count()),
      row_sequence_(backend, capacity.row_count()),
      history_sizes_(backend, capacity.row_count()) {
  places_.reserve(capacity.row_count());
  row_states_.reserve(capacity.row_count());
  sequences_.reserve(capacity.row_count());
  history_counts_.reserve(capacity.row_count());
  words_.reserve(capacity.row_count());
}

DeviceLoop::~DeviceLoop() {
  if (in_flight_ == 0) return;
  try {
    backend_->synchronize();         // nothing may write the ring when it goes
  } catch (const std::exception&) {  // a lost device writes nothing
  }
}

void DeviceLoop::start(Rows rows, Batch& batch, Workspace& workspace) {
  if (recorded_masks_ != automata_->masks()) {  // there are some now
    recorded_masks_ = automata_->masks();
    recordings_.clear();
  }
  live_count_ = static_cast<std::int32_t>(rows.size());
  size_ = size_for(live_count_);
  places_.assign(static_cast<std::size_t>(size_), nullptr);
  words_.resize(places_.size());
  row_states_.clear();
  sequences_.clear();
  batch.clear_feed(0);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Sequence& row = *rows[i];
    row.feeding = 1;
    places_[i] = &row;
    batch.feed(row, static_cast<std::int32_t>(i));
    row_states_.push_back({row.sum_logprob(), row.request().token_limit, 0, next_slot_, -1, 0});
    sequences_.push_back(static_cast<std::int32_t>(i));
  }
  batch.fill_sampling(rows, false);
  for (std::size_t i = 0; i < rows.size(); ++i) set_automaton(*rows[i], batch.draws.sampling[i], row_states_[i]);
  move_histories(batch, workspace);
  fill_up(batch);

  workspace.tokens.upload(batch.tokens);
  workspace.positions.upload(batch.positions);
  workspace.sampling.upload(batch.draws.sampling);
  states_.upload(row_states_);
  row_sequence_.upload(sequences_);
}

/// Where a row is in the automaton it follows, and what it may draw there.
void DeviceLoop::set_automaton(Sequence& row, RowSampling& draw, ResidentRow& resident) {
  const RowAutomaton& automaton = row.request().automaton;
  if (!automaton.place) return;
  const std::int32_t state = row.automaton_state();
  draw.mask_row = automaton.place->mask_row(*automaton.tables, state);
  if (state < 0) return;
  resident.state = automaton.place->state(state);
  resident.min_tokens = row.request().min_tokens;
}

// What fills a step up to its size draws the most likely token again and again, each at a place of its own in a block that is
// nobody's: no two write the same memory.
void DeviceLoop::fill_up(Batch& batch) {
  RowSampling greedy;
  greedy.temperature = 0;
  for (std::int32_t i = 0; live_count_ + i < size_; ++i) {
    batch.tokens.push_back(0);
    batch.positions.push_back(i % capacity_.filler_tokens());
    batch.draws.sampling.push_back(greedy);
    row_states_.push_back({0, 0, 1, next_slot_, -1, 0});
    sequences_.push_back(capacity_.rows + i / capacity_.filler_tokens());
  }
}

// From the flat table to one slot a row, in the same memory: there each has room for all it may ever need.
void DeviceLoop::move_histories(Batch& batch, Workspace& workspace) {
  history_counts_.clear();
  for (std::size_t i = 0; i < batch.draws.sampling.size(); ++i) {
    RowSampling& row = batch.draws.sampling[i];
    const std::int32_t count = row.counts.end - row.counts.begin;
    history_counts_.push_back(count);
    if (count == 0) continue;
    row.history_slot = static_cast<std::int32_t>(i);
    backend_->upload(workspace.counts.data() + i * capacity_.counts_per_row(),
                     batch.draws.counts.data() + row.counts.begin,
                     static_cast<std::size_t>(count) * sizeof(CountEntry));
  }
  history_sizes_.upload(history_counts_);
}

HistoryTable DeviceLoop::history(const Workspace& workspace) const {
  return {workspace.counts.data(), history_sizes_.data(), static_cast<std::int32_t>(capacity_.counts_per_row()),
          capacity_.rows};
}

CommitRowsParams DeviceLoop::commit_params(const Workspace& workspace) const {
  return {workspace.drawn.data(),
          workspace.details.data(),
          workspace.ids.data(),
          workspace.sampling.data(),
          states_.data(),
          workspace.tokens.data(),
          workspace.positions.data(),
          ring_.ring(),
          size_,
          automata_->automata()};
}

bool DeviceLoop::may_launch() const {
  return in_flight_ < steps_ahead_ && std::ranges::any_of(places_, [this](const Sequence* row) {
           return row != nullptr && row->token_count() + in_flight_ < row->request().token_limit;
         });
}

void DeviceLoop::launch(const std::function<void()>& step) {
  ++in_flight_;
  recordings_.run(size_, step);
}

std::span<const std::uint32_t> DeviceLoop::take() {
  ring_.take(next_slot_, words_);
  last_slot_ = next_slot_;
  next_slot_ = after(next_slot_);
  --in_flight_;
  return words_;
}

std::optional<double> DeviceLoop::newer_sum(const Sequence& row) {
  const auto place = std::ranges::find(places_, &row);
  if (place == places_.end() || last_slot_ < 0) return std::nullopt;
  return ring_.sums(last_slot_)[static_cast<std::size_t>(place - places_.begin())];
}

void DeviceLoop::remove(const Sequence& row) {
  const auto place = std::ranges::find(places_, &row);
  if (place == places_.end()) return;
  *place = nullptr;
  --live_count_;
}

void DeviceLoop::stop() {
  while (in_flight_ > 0) static_cast<void>(take());
  if (live_count_ > 0 && last_slot_ >= 0) {
    const std::span<const double> sums = ring_.sums(last_slot_);
    for (std::size_t i = 0; i < places_.size(); ++i) {
      if (places_[i] != nullptr) places_[i]->set_sum_logprob(sums[i]);
    }
  }
  places_.clear();
  live_count_ = 0;
  last_slot_ = -1;
}

}  // namespace fllm
