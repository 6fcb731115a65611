// SPDX-License-Identifier: Apache-2.0
#include "tests/support/beam_device.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "tests/support/beam_arrays.h"
#include "tests/support/special_floats.h"

namespace fllm::test {
namespace {

template <class T>
TableRange append(std::vector<T>& table, const std::vector<T>& values) {
  const auto begin = static_cast<std::int32_t>(table.size());
  table.insert(table.end(), values.begin(), values.end());
  return {begin, static_cast<std::int32_t>(table.size())};
}

}  // namespace

BeamBatch::BeamBatch(Backend& backend, LogitType type, std::vector<BeamCase> cases, BeamTables tables)
    : backend_(backend),
      type_(type),
      cases_(std::move(cases)),
      tables_(std::move(tables)),
      vocab_(cases_[0].vocab),
      stride_(vocab_ + 3) {
  const std::size_t words = (of(vocab_) + 31) / 32;
  for (const auto& mask : tables_.masks) masks_.insert(masks_.end(), mask.begin(), mask.begin() + words);
  offsets_.push_back(0);
  tables_.texts.resize(of(vocab_));
  for (const std::string& text : tables_.texts) {
    bytes_.insert(bytes_.end(), text.begin(), text.end());
    offsets_.push_back(static_cast<std::int64_t>(bytes_.size()));
  }
  for (BeamCase& asked : cases_) {
    asked.rules.first_norm = append(norms_, asked.norms).begin;
    asked.rules.min_tokens = asked.row.sampling.min_tokens;
    asked.rules.first_row = rows_;
    asked.rules.first_slot = asked.histories ? slots_ : -1;
    if (asked.histories) slots_ += 2 * asked.rules.width;
    capacity_ = std::max(capacity_, asked.history_capacity);
    rows_ += asked.rules.width;
    candidates_ = std::max(candidates_, asked.rules.candidate_count);
    row_candidates_ = std::max(row_candidates_, std::min(vocab_, beam_row_candidates(asked.rules)));
  }
  for (BeamCase& asked : cases_) {
    asked.history_capacity = capacity_;
    memories_.push_back(std::make_unique<SearchMemory>(backend, asked));
    oracles_.push_back(std::make_unique<OracleBeamSearch>(asked, tables_));
    searches_.push_back(memories_.back()->start());
  }
  proven_.resize(cases_.size());
  set_up_rows();
}

void BeamBatch::set_up_rows() {
  std::vector<std::int32_t> tokens, positions, sizes(of(slots_), -7);
  std::vector<CountEntry> history(of(slots_) * of(capacity_), CountEntry{-1, 5, 1});
  for (std::size_t i = 0; i < cases_.size(); ++i) {
    const BeamCase& asked = cases_[i];
    RowSampling row = asked.row.sampling;
    row.bans = append(ban_ids_, asked.row.bans);
    row.end_ids = append(ban_ids_, asked.row.end_ids);
    row.bias = append(bias_, asked.row.bias);
    row.counts = append(counts_, asked.row.counts);
    if (!asked.row.mask.empty()) {
      const std::size_t words = (of(vocab_) + 31) / 32;
      row.mask_row = static_cast<std::int32_t>(masks_.size() / words);
      masks_.insert(masks_.end(), asked.row.mask.begin(), asked.row.mask.begin() + words);
    }
    if (asked.rules.mask_start >= 0) {
      row.mask_row = tables_.mask_rows[of(asked.rules.mask_start)];
      if ((tables_.flags[of(asked.rules.mask_start)] & kStateFreesEnds) != 0) row.min_tokens = 0;
    }
    for (std::int32_t k = 0; k < asked.rules.width; ++k) {
      RowSampling& own = sampling_.emplace_back(row);
      own.random.sample += static_cast<std::uint32_t>(k);
      own.history_slot = asked.histories ? asked.rules.first_slot + k : -1;
      row_searches_.push_back(static_cast<std::int32_t>(i));
      tokens.push_back(-100 - k);
      positions.push_back(asked.rules.prompt_count - 1);
      if (!asked.histories || k > 0) continue;
      const std::size_t slot = of(own.history_slot);
      sizes[slot] = static_cast<std::int32_t>(asked.row.counts.size());
      std::copy(asked.row.counts.begin(), asked.row.counts.end(),
                history.begin() + static_cast<std::ptrdiff_t>(slot * of(capacity_)));
    }
  }
  device_ = std::make_shared<Device>(backend_, *this);
  device_->rank_counts.upload(std::vector<std::uint32_t>(device_->rank_counts.size()));
  device_->tokens.upload(tokens);
  device_->positions.upload(positions);
  device_->history.upload(history);
  device_->history_sizes.upload(sizes);
}

BeamParams BeamBatch::beam_params() const {
  Device& d = *device_;
  BeamParams p;
  p.searches = d.searches.data();
  p.search_count = static_cast<std::int32_t>(cases_.size());
  p.rows = rows_;
  p.row_searches = d.row_searches.data();
  p.length_norms = d.norms.data();
  p.automata = {d.next.data(),  d.mask_rows.data(), d.flags.data(),
                d.bytes.data(), d.offsets.data(),   static_cast<std::int32_t>(tables_.flags.size())};
  p.candidates = d.candidates.data();
  p.candidate_counts = d.candidate_counts.data();
  p.candidate_stride = row_candidates_;
  p.candidate_limit = candidates_;
  p.rank_counts = d.rank_counts.data();
  p.sampling = d.sampling.data();
  p.tokens = d.tokens.data();
  p.positions = d.positions.data();
  if (slots_ > 0) p.history = {d.history.data(), d.history_sizes.data(), capacity_, slots_};
  p.vocab = vocab_;
  p.end_ids = d.ban_ids.data();
  return p;
}

SampleParams BeamBatch::sample_params() const {
  Device& d = *device_;
  SampleParams p;
  p.logits = d.logits.data();
  p.stride = stride_;
  p.rows = rows_;
  p.vocab = vocab_;
  p.sampling = d.sampling.data();
  p.allow_mask = masks_.empty() ? nullptr : d.masks.data();
  p.mask_words = (vocab_ + 31) / 32;
  p.ban_ids = d.ban_ids.data();
  p.bias = d.bias.data();
  p.counts = d.counts.data();
  if (slots_ > 0) p.history = {d.history.data(), d.history_sizes.data(), capacity_, slots_};
  p.scratch = d.scratch_stride > 0 ? d.scratch.data() : nullptr;
  p.scratch_stride = d.scratch_stride;
  return p;
}

void BeamBatch::upload_logits() {
  const float poison = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> logits(of(rows_) * of(stride_), poison);
  for (std::size_t i = 0; i < cases_.size(); ++i) {
    if (oracles_[i]->done()) continue;
    for (const OracleBeam& beam : oracles_[i]->live()) {
      if (oracles_[i]->steps() == 0 && beam.slot > 0) continue;  // every group begins with the first row
      const auto own = memories_[i]->tokens_of(beam.slot, oracles_[i]->steps());
      const std::vector<float> row = cases_[i].model(own);
      std::copy(row.begin(), row.end(),
                logits.begin() + static_cast<std::ptrdiff_t>(of(cases_[i].rules.first_row + beam.slot) * of(stride_)));
    }
  }
  if (type_ == LogitType::kFloat32) {
    device_->logits.upload(logits);
    return;
  }
  std::vector<std::uint16_t> halves;  // bfloat16: the model's values must be
  halves.reserve(logits.size());
  for (const float logit : logits)
    halves.push_back(static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(logit) >> 16));
  backend_.upload(device_->logits.data(), halves.data(), halves.size() * sizeof(std::uint16_t));
}

void BeamBatch::launch() {
  const BeamParams beam = beam_params();
  backend_.beam_candidates(type_, {sample_params(), beam});
  backend_.beam_select(beam);
  backend_.beam_ancestors(beam);
  backend_.synchronize();
}

bool BeamBatch::done() const {
  return std::all_of(oracles_.begin(), oracles_.end(), [](const auto& oracle) { return oracle->done(); });
}

void BeamBatch::step() {
  upload_logits();
  launch();
  for (const auto& oracle : oracles_) {
    if (!oracle->done()) oracle->step();
  }
  searches_ = device_->searches.download("searches");
  (void)device_->candidates.download("candidates");
  (void)device_->candidate_counts.download("candidate counts");
  for (std::size_t i = 0; i < cases_.size() && !testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(testing::Message() << "search " << i << ", width " << cases_[i].rules.width << ", step "
                                    << oracles_[i]->steps());
    memories_[i]->download();
    compare(i);
  }
}

void BeamBatch::run() {
  while (!done() && !testing::Test::HasFailure()) step();
}

void BeamBatch::launch_select() {
  const BeamParams beam = beam_params();
  backend_.beam_select(beam);
  backend_.beam_ancestors(beam);
  backend_.synchronize();
}

void BeamBatch::upload_garbage(const Garbage& garbage) {
  if (garbage.searches) device_->searches.upload(searches_);
  if (!garbage.counts) return;
  const auto overwrite = [&](auto& array) {
    std::vector<unsigned char> bytes(array.size() * sizeof(*array.data()), garbage.byte);
    backend_.upload(array.data(), bytes.data(), bytes.size());
  };
  overwrite(device_->candidates);
  overwrite(device_->candidate_counts);
  overwrite(device_->rank_counts);
  overwrite(device_->history);
  overwrite(device_->history_sizes);
}

void BeamBatch::expect_sentinels() {
  (void)device_->searches.download("searches");
  (void)device_->candidates.download("candidates");
  (void)device_->candidate_counts.download("candidate counts");
  (void)device_->rank_counts.download("rank counts");
  (void)device_->sampling.download("sampling");
  (void)device_->tokens.download("tokens");
  (void)device_->positions.download("positions");
  (void)device_->history_sizes.download("history sizes");
  (void)device_->history.download("history");
}

void BeamBatch::run_recorded(const Record& record) {
  // A table of logits for each search, by the last token; behind those of the tokens the row of the prompt.
  std::vector<std::int32_t> first_inputs;
  std::vector<std::unique_ptr<GuardedArray<float>>> tables;
  for (const BeamCase& asked : cases_) {
    std::vector<float> table;
    for (std::int32_t token = 0; token <= vocab_; ++token) {
      const auto last = token < vocab_ ? std::vector<std::int32_t>{token} : std::vector<std::int32_t>{};
      const std::vector<float> row = asked.model(last);
      table.insert(table.end(), row.begin(), row.end());
    }
    tables.push_back(std::make_unique<GuardedArray<float>>(backend_, table.size()));
    tables.back()->upload(table);
    first_inputs.insert(first_inputs.end(), of(asked.rules.width), vocab_);
  }
  device_->tokens.upload(first_inputs);
  const BeamParams beam = beam_params();
  const BeamCandidatesParams candidates{sample_params(), beam};
  std::int32_t longest = 1;
  for (const BeamCase& asked : cases_) longest = std::max(longest, asked.rules.max_length);
  const auto step = [&] {
    for (std::size_t i = 0; i < cases_.size(); ++i) {
      const std::int32_t first = cases_[i].rules.first_row, width = cases_[i].rules.width;
      backend_.gather_rows({{tables[i]->data(), vocab_ + 1, vocab_, vocab_},
                            device_->tokens.data() + first,
                            {device_->logits.data() + std::int64_t{first} * stride_, width, vocab_, stride_}});
    }
    backend_.beam_candidates(LogitType::kFloat32, candidates);
    backend_.beam_select(beam);
    backend_.beam_ancestors(beam);
  };
  const auto work = record(step, {beam.searches, beam.search_count, longest});
  work->replay();
  backend_.synchronize();
  searches_ = device_->searches.download("searches");
  for (std::size_t i = 0; i < cases_.size() && !testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(testing::Message() << "search " << i);
    oracles_[i]->run();
    memories_[i]->download();
    compare(i);
  }
}

void expect_beams(Backend& backend, const std::vector<BeamCase>& cases, const BeamTables& tables, LogitType type) {
  BeamBatch(backend, type, cases, tables).run();
}

}  // namespace fllm::test
