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
      ring_(backend, steps_ahead + 1, capacity.rows, capacity.logit_rows),
      recordings_(backend, capacity.rows),
      states_(backend, capacity.row_count()),
      history_sizes_(backend, capacity.logit_row_count()) {
  places_.reserve(capacity.row_count());
  row_states_.reserve(capacity.row_count());
  history_counts_.reserve(capacity.logit_row_count());
  firsts_.reserve(capacity.row_count() + 1);
  words_.reserve(capacity.logit_row_count());
}

DeviceLoop::~DeviceLoop() {
  if (in_flight_ == 0) return;
  try {
    backend_->synchronize();         // nothing may write the ring when it goes
  } catch (const std::exception&) {  // a lost device writes nothing
  }
}

std::int32_t DeviceLoop::size_for(std::int32_t rows, const DraftPlan& plan, const BeamLayout& searches) const {
  return std::min(
      {recordings_.size_for(rows), capacity_.rows - searches.rows, capacity_.logit_rows - searches.rows - plan.drafts});
}

void DeviceLoop::start(Rows rows, const DraftPlan& plan, const BeamLayout& searches, Batch& batch, Workspace& workspace,
                       DraftLoop* drafting) {
  if (recorded_masks_ != automata_->masks()) {  // there are some now
    recorded_masks_ = automata_->masks();
    recordings_.clear();
  }
  recordings_.forget_other(searches);
  live_count_ = static_cast<std::int32_t>(rows.size());
  plan_ = plan;
  searches_ = searches;
  size_ = size_for(live_count_, plan, searches);
  places_.assign(static_cast<std::size_t>(size_), nullptr);
  lay_out(rows);
  row_states_.clear();
  batch.clear_feed(searches.rows);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Sequence& row = *rows[i];
    row.feeding = 1;
    if (row.drafts != nullptr) row.drafts->clear();
    places_[i] = &row;
    batch.feed(row, static_cast<std::int32_t>(i));
    row_states_.push_back({row.sum_logprob(), row.request().token_limit, 0, next_slot_, -1, 0});
  }
  batch.fill_sampling(rows, false);
  for (std::size_t i = 0; i < rows.size(); ++i) set_automaton(*rows[i], batch.draws.sampling[i], row_states_[i]);
  move_histories(batch, workspace);
  fill_up(batch);

  states_.upload(row_states_);
  const StepStart step{batch.draws.sampling, row_states_, firsts_, searches.rows};
  if (plan.drafts > 0) return drafting->start(rows, step, plan, workspace);
  const auto first = static_cast<std::size_t>(searches.rows);
  workspace.tokens.upload(batch.tokens, first);
  workspace.positions.upload(batch.positions, first);
  workspace.token_rows.upload(batch.token_rows, first);
  workspace.sampling.upload(batch.draws.sampling);
}

/// Each place has a slot, and one more for each draft that its row has room for.
void DeviceLoop::lay_out(Rows rows) {
  firsts_.assign(1, 0);
  for (std::size_t i = 0; i < places_.size(); ++i) {
    const bool drafts = i < rows.size() && rows[i]->drafts != nullptr;
    firsts_.push_back(firsts_.back() + 1 + (drafts ? rows[i]->drafts->room : 0));
  }
  words_.resize(static_cast<std::size_t>(firsts_.back()));
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
  batch.tokens.resize(places_.size());
  batch.positions.resize(places_.size());
  batch.token_rows.resize(places_.size());
  const FeedSlots behind{batch.tokens.data() + live_count_, batch.positions.data() + live_count_,
                         batch.token_rows.data() + live_count_, capacity_.rows, capacity_.filler_tokens()};
  for (std::int32_t i = 0; live_count_ + i < size_; ++i) {
    drafts::feed_filler(behind, i);
    batch.draws.sampling.push_back(drafts::idle_draw());
    row_states_.push_back({0, 0, 1, next_slot_, -1, 0});
  }
}

// From the flat table to the first slot of each row, in the same memory: there each has room for all it may ever need.
void DeviceLoop::move_histories(Batch& batch, Workspace& workspace) {
  history_counts_.assign(words_.size(), 0);
  for (std::size_t i = 0; i < batch.draws.sampling.size(); ++i) {
    RowSampling& row = batch.draws.sampling[i];
    const auto slot = static_cast<std::size_t>(firsts_[i]);
    const std::int32_t count = row.counts.end - row.counts.begin;
    history_counts_[slot] = count;
    if (count == 0) continue;
    row.history_slot = static_cast<std::int32_t>(slot);
    backend_->upload(workspace.counts.data() + slot * capacity_.counts_per_row(),
                     batch.draws.counts.data() + row.counts.begin,
                     static_cast<std::size_t>(count) * sizeof(CountEntry));
  }
  history_sizes_.upload(history_counts_);
}

HistoryTable DeviceLoop::history(const Workspace& workspace) const {
  return {workspace.counts.data(), history_sizes_.data(), static_cast<std::int32_t>(capacity_.counts_per_row()),
          capacity_.logit_rows};
}

DraftLoopParams DeviceLoop::draft_params(const Workspace& workspace) const {
  DraftLoopParams params;
  params.states = states_.data();
  params.end_ids = workspace.ids.data();
  params.automata = automata_->automata();
  params.history = history(workspace);
  params.vocab = capacity_.vocab;
  params.allow_mask = automata_->masks();
  params.mask_words = static_cast<std::int64_t>(capacity_.mask_words_per_row());
  params.ring = ring_.ring();
  return params;
}

CommitRowsParams DeviceLoop::commit_params(const Workspace& workspace) const {
  return {workspace.drawn.data(),
          workspace.details.data(),
          workspace.ids.data(),
          workspace.sampling.data(),
          states_.data(),
          workspace.tokens.data() + searches_.rows,
          workspace.positions.data() + searches_.rows,
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
  recordings_.run({size_, plan_, searches_}, step);
}

void DeviceLoop::take() {
  ring_.take(next_slot_, std::span(firsts_).first(places_.size()), words_);
  last_slot_ = next_slot_;
  next_slot_ = after(next_slot_);
  --in_flight_;
}

std::span<const std::uint32_t> DeviceLoop::words(std::size_t place) const {
  const auto all =
      std::span(words_).subspan(static_cast<std::size_t>(firsts_[place]), static_cast<std::size_t>(room(place)) + 1);
  return all.first(static_cast<std::size_t>(std::ranges::find(all, kEmptyWord) - all.begin()));
}

double DeviceLoop::sum_behind(std::size_t place, std::size_t word) {
  return ring_.sums(last_slot_)[static_cast<std::size_t>(firsts_[place]) + word];
}

std::optional<double> DeviceLoop::newer_sum(const Sequence& row) {
  const auto place = std::ranges::find(places_, &row);
  if (place == places_.end() || last_slot_ < 0) return std::nullopt;
  const auto index = static_cast<std::size_t>(place - places_.begin());
  if (words(index)[0] == kIdleWord) return final_sum(index);
  return sum_behind(index, words(index).size() - 1);
}

void DeviceLoop::remove(const Sequence& row) {
  const auto place = std::ranges::find(places_, &row);
  if (place == places_.end()) return;
  *place = nullptr;
  --live_count_;
}

void DeviceLoop::stop() {
  while (in_flight_ > 0) take();
  if (live_count_ > 0 && last_slot_ >= 0) {
    const std::span<const double> sums = ring_.sums(last_slot_);
    for (std::size_t i = 0; i < places_.size(); ++i) {
      if (places_[i] == nullptr) continue;
      const bool waits = words(i)[0] == kIdleWord;
      const std::size_t last = static_cast<std::size_t>(firsts_[i]) + words(i).size() - 1;
      places_[i]->set_sum_logprob(waits ? final_sum(i) : sums[last]);
      if (room(i) > 0 && places_[i]->drafts->from_model()) places_[i]->drafts->has_read(places_[i]->token_count() - 2);
    }
  }
  places_.clear();
  live_count_ = 0;
  last_slot_ = -1;
}

}  // namespace fllm
