// SPDX-License-Identifier: Apache-2.0
#include "host/engine/beam_batch.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <utility>

#include "host/engine/device_wait.h"

namespace fllm {

BeamBatch::BeamBatch(Backend& backend, const StepCapacity& capacity, AutomatonMemory& automata)
    : backend_(&backend), capacity_(capacity), automata_(&automata) {}

BeamBatch::~BeamBatch() {
  if (runs_.empty()) return;
  try {
    backend_->synchronize();         // nothing may write the news when they go
  } catch (const std::exception&) {  // a lost device writes nothing
  }
}

BeamRun* BeamBatch::find(const RequestState& request) {
  const auto run = std::ranges::find_if(runs_, [&](const auto& r) { return r->request == &request; });
  return run == runs_.end() ? nullptr : run->get();
}

bool BeamBatch::has_room(const BeamPlan& plan) {
  if (!memory_) {
    const std::size_t rows = capacity_.row_count();
    memory_.emplace(*backend_, capacity_, *automata_);
    device_searches_ = {*backend_, rows};
    device_row_searches_ = {*backend_, rows};
    candidate_counts_ = {*backend_, rows};
    sampling_ = {*backend_, rows};
    paths_ = {*backend_, rows};
    for (auto* values : {&row_searches_, &tokens_, &positions_, &sequences_}) values->reserve(rows);
    runs_.reserve(rows);
    searches_.reserve(rows);
    row_sampling_.reserve(rows);
    row_paths_.reserve(rows);
  }
  return memory_->has_room(plan);
}

BeamRun& BeamBatch::add(RequestState& request) {
  auto run = std::make_unique<BeamRun>();
  run->request = &request;
  run->places = memory_->take(*request.beam);
  run->search = memory_->search_at(*request.beam, run->places);
  reserved_count_ += run->width() - 1;
  return *runs_.emplace_back(std::move(run));
}

void BeamBatch::begin(BeamRun& run, std::unique_ptr<Sequence> reader) {
  run.sequence = std::move(reader);
  reserved_count_ -= run.width() - 1;
  row_count_ += run.width();
  change();
}

void BeamBatch::remove(const BeamRun& run) {
  if (run.is_running()) {
    row_count_ -= run.width();
    change();
  } else {
    reserved_count_ -= run.width() - 1;
  }
  memory_->give_back(run.plan(), run.places);
  std::erase_if(runs_, [&run](const auto& r) { return r.get() == &run; });
}

void BeamBatch::change() {
  changed_ = true;
  ++layout_;
}

/// Before those that stay move, and others' memory is used anew.
BeamBatch::Advanced BeamBatch::fetch(const Workspace& workspace) const {
  Advanced now;
  if (laid_out_rows_ == 0) return now;
  const auto rows = static_cast<std::size_t>(laid_out_rows_);
  const auto take = [this](auto& to, const auto* from, std::size_t count) {
    to.resize(count);
    backend_->download(to.data(), from, count * sizeof(*from));
  };
  take(now.searches, device_searches_.data(), static_cast<std::size_t>(laid_out_searches_));
  take(now.sampling, sampling_.data(), rows);
  take(now.tokens, workspace.tokens.data(), rows);
  take(now.positions, workspace.positions.data(), rows);
  backend_->synchronize();
  return now;
}

void BeamBatch::lay_out(Workspace& workspace) {
  if (!changed_) return;
  const Advanced now = fetch(workspace);
  searches_.clear();
  row_sampling_.clear();
  tokens_.clear();
  positions_.clear();
  sequences_.clear();
  row_searches_.clear();
  row_paths_.clear();
  candidate_stride_ = candidate_limit_ = 1;
  for (const auto& run : runs_) {
    if (!run->is_running()) continue;
    if (run->on_device) {
      place_again(*run, now);
    } else {
      place(*run);
    }
    run->on_device = true;
  }
  laid_out_rows_ = row_count_;
  laid_out_searches_ = static_cast<std::int32_t>(searches_.size());
  recording_.reset();
  has_run_ = changed_ = false;
  if (!searches_.empty()) upload(workspace);
}

/// Precondition: a search is laid out.
void BeamBatch::upload(Workspace& workspace) {
  candidate_stride_ = std::min(candidate_stride_, capacity_.vocab);
  const std::size_t room = static_cast<std::size_t>(row_count_) * static_cast<std::size_t>(candidate_stride_);
  if (candidates_.size() < room) candidates_ = {*backend_, room};
  const std::size_t buckets = searches_.size() * kBeamRankBuckets;
  if (rank_counts_.size() < buckets) {
    rank_counts_ = {*backend_, buckets};
    rank_counts_.upload(std::vector<std::uint32_t>(buckets));  // steps leave them as they were
  }
  memory_->upload_norms();
  device_searches_.upload(searches_);
  device_row_searches_.upload(row_searches_);
  sampling_.upload(row_sampling_);
  paths_.upload(row_paths_);
  workspace.tokens.upload(tokens_);
  workspace.positions.upload(positions_);
  workspace.token_rows.upload(sequences_);
}

/// Appends a search, as it begins, to what the host uploads.
void BeamBatch::place(BeamRun& run) {
  const BeamPlan& plan = run.plan();
  BeamRules& rules = run.search.rules;
  const RequestState& request = *run.request;
  const auto prompt_count = static_cast<std::int32_t>(request.prompt.size());
  rules.first_row = static_cast<std::int32_t>(row_searches_.size());
  rules.prompt_count = prompt_count;
  const auto index = static_cast<std::int32_t>(searches_.size());
  searches_.push_back(run.search);
  candidate_limit_ = std::max(candidate_limit_, rules.candidate_count);
  candidate_stride_ = std::max(candidate_stride_, beam_list_room(rules));
  const std::int32_t first_sequence = capacity_.beam_sequence(row_count_) + rules.first_row;
  RowSampling row = run.row;
  const DeviceAutomaton& automaton = *plan.automaton;
  row.mask_row = run.places.automaton.mask_row(automaton, automaton.mask_start);
  row.min_tokens = automaton.frees_ends(automaton.mask_start) ? 0 : request.min_tokens;
  row.random = {static_cast<std::uint32_t>(prompt_count), 0, RandomStream::kBeam, 0};
  for (std::int32_t k = 0; k < rules.width; ++k) {
    row.random.sample = static_cast<std::uint32_t>(k);
    row.history_slot = rules.first_slot;  // of the prompt
    row_sampling_.push_back(row);
    row_searches_.push_back(index);
    row_paths_.push_back({run.search.ancestors, plan.entry_bytes(), rules.width, k, prompt_count, first_sequence});
    sequences_.push_back(first_sequence + k);
    tokens_.push_back(request.prompt.back());
    positions_.push_back(prompt_count - 1);
  }
  if (plan.penalties && !run.on_device) memory_->put_history(run.places, run.sequence->counts());
}

/// The same, as the device has advanced it.
void BeamBatch::place_again(BeamRun& run, const Advanced& now) {
  const auto old_row = static_cast<std::size_t>(run.search.rules.first_row);
  run.search.state = std::ranges::find(now.searches, run.search.news, &BeamSearch::news)->state;
  place(run);
  const auto new_row = static_cast<std::size_t>(run.search.rules.first_row);
  for (std::size_t k = 0; k < run.plan().width(); ++k) {
    RowSampling row = now.sampling[old_row + k];
    row.bans = run.row.bans;
    row.end_ids = run.row.end_ids;
    row.bias = run.row.bias;
    row_sampling_[new_row + k] = row;
    tokens_[new_row + k] = now.tokens[old_row + k];
    positions_[new_row + k] = now.positions[old_row + k];
  }
}

void BeamBatch::count_steps(std::int32_t count) {
  for (const auto& run : runs_) run->launched += run->on_device ? count : 0;
}

// The first step runs as it is, so that kernels are loaded and products chosen when it is recorded. Then the device repeats it by
// itself, as long as any search goes on; not longer than those who come meanwhile should wait.
void BeamBatch::launch(const std::function<void()>& step) {
  constexpr std::int32_t kTogether = 16;
  if (!backend_->replay_pays() || !std::exchange(has_run_, true)) {
    count_steps(1);
    return step();
  }
  if (recording_ == nullptr) {
    recording_ = backend_->record_beams(step, {device_searches_.data(), laid_out_searches_, kTogether});
  }
  count_steps(kTogether);
  recording_->replay();
}

BeamParams BeamBatch::params(const Workspace& workspace) const {
  BeamParams params;
  params.searches = device_searches_.data();
  params.search_count = laid_out_searches_;
  params.rows = laid_out_rows_;
  params.row_searches = device_row_searches_.data();
  params.length_norms = memory_->norms();
  params.automata = automata_->automata();
  params.candidates = candidates_.data();
  params.candidate_counts = candidate_counts_.data();
  params.candidate_stride = candidate_stride_;
  params.candidate_limit = candidate_limit_;
  params.rank_counts = rank_counts_.data();
  params.sampling = sampling_.data();
  params.tokens = workspace.tokens.data();
  params.positions = workspace.positions.data();
  params.history = memory_->history();
  params.vocab = capacity_.vocab;
  params.end_ids = workspace.ids.data();
  return params;
}

BeamNews BeamBatch::news(const BeamRun& run) const {
  std::uint32_t* const words = memory_->news(run.places);
  const std::uint32_t steps = std::atomic_ref(words[1]).load(std::memory_order_acquire);
  const std::uint32_t word = std::atomic_ref(words[0]).load(std::memory_order_acquire);
  return {static_cast<std::int32_t>(steps), static_cast<std::int32_t>(word >> 1), (word & 1u) != 0};
}

std::span<const std::int32_t> BeamBatch::proven_tokens(const BeamRun& run, std::int32_t first) const {
  const auto* tokens = reinterpret_cast<const std::int32_t*>(memory_->news(run.places) + 2);
  return {tokens + first, static_cast<std::size_t>(run.plan().rules.max_length - first)};
}

bool BeamBatch::may_launch(std::int32_t steps) const {
  const auto goes_on = [this](const auto& run) { return run->on_device && !news(*run).done; };
  return std::ranges::any_of(runs_, goes_on) && std::ranges::all_of(runs_, [&](const auto& run) {
           return !goes_on(run) || run->launched - run->seen < steps;
         });
}

BeamNews BeamBatch::take_news(BeamRun& run) const {
  const BeamNews now = news(run);
  run.seen = now.steps;
  return now;
}

void BeamBatch::wait_for(const BeamRun& run, std::int32_t steps) const {
  if (!run.on_device) return;
  wait_for_device(*backend_, "what a step has found", [&] {
    const BeamNews now = news(run);
    return now.done || now.steps >= steps;
  });
}

void BeamBatch::wait_for_all() {
  for (const auto& run : runs_) wait_for(*run, run->launched);
}

void BeamBatch::wait_for_one() {
  for (const auto& run : runs_) wait_for(*run, std::min(run->launched, run->seen + 1));
}

void BeamBatch::refresh(BeamRun& run) {
  const auto index = static_cast<std::size_t>(run.search.rules.first_row);
  const auto place = static_cast<std::size_t>(row_searches_[index]);
  backend_->download(&run.search, device_searches_.data() + place, sizeof(BeamSearch));
  backend_->synchronize();
}

}  // namespace fllm
