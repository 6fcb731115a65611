// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/drafted_rows.h"

namespace fllm::test {

/// Rows that draft on a backend, and what must become of them.
class DraftLoopBatch {
 public:
  DraftLoopBatch(Backend& backend, std::int32_t rows, std::int32_t drafts, std::int32_t depth, std::mt19937& random)
      : backend_(backend),
        random_(random),
        drafts_(drafts),
        row_slots_(static_cast<std::size_t>(drafts) + 1),
        count_(static_cast<std::size_t>(rows)),
        depth_(static_cast<std::size_t>(depth)),
        stride_(count_ * row_slots_ + 3),
        automaton_(random),
        automata_(backend, automaton_),
        feed_(backend, count_ * row_slots_),
        draft_feed_(backend, 2 * count_),
        sampling_(backend, count_ * row_slots_),
        draft_sampling_(backend, count_ * static_cast<std::size_t>(drafts)),
        states_(backend, count_),
        drafting_(backend, count_),
        judged_(backend, count_),
        draft_ids_(backend, count_ * row_slots_),
        history_(backend, count_ * row_slots_ * kHistoryRoom),
        history_sizes_(backend, count_ * row_slots_),
        words_(backend, depth_ * stride_),
        final_sums_(backend, count_),
        sums_(backend, depth_ * stride_),
        wanted_draws_(count_ * row_slots_, "idle"),
        wanted_draft_draws_(count_ * static_cast<std::size_t>(drafts), "idle"),
        wanted_draft_ids_(count_ * row_slots_, -1),
        wanted_words_(depth_ * stride_, kEmptyWord),
        wanted_final_sums_(count_, -1),
        wanted_sums_(depth_ * stride_, -1) {
    make_rows();
    upload();
  }

  void step() {
    std::vector<std::int32_t> drawn(count_ * static_cast<std::size_t>(drafts_), -9);
    for (std::int32_t i = 1; i <= drafts_; ++i) {
      for (std::size_t row = 0; row < count_; ++row) {
        const std::int32_t token = random_() % 20 == 0 ? -1 : static_cast<std::int32_t>(random_() % kPlainVocab);
        drawn[static_cast<std::size_t>(i - 1) * count_ + row] = token;
        rows_[row].take_draft(token, automaton_);
        expect_draft(row, i);
      }
      const DeviceTable<std::int32_t> device_drawn(backend_, drawn);
      DraftLoopParams params = loop_params();
      params.index = i;
      params.drawn = device_drawn.data();
      backend_.extend_drafts(params);
      compare();
      if (testing::Test::HasFailure()) return;
    }
    commit();
    compare();
    std::fill(wanted_words_.begin(), wanted_words_.end(), kEmptyWord);  // what the host has read
    words_.upload(wanted_words_);
  }

  [[nodiscard]] std::size_t live() const {
    return static_cast<std::size_t>(
        std::count_if(rows_.begin(), rows_.end(), [](const auto& row) { return !row.rests; }));
  }
  [[nodiscard]] std::int64_t accepted() const { return accepted_; }

 private:
  [[nodiscard]] std::size_t slot_of(std::size_t row, std::int32_t i = 0) const {
    return row * row_slots_ + static_cast<std::size_t>(i);
  }

  void make_rows() {
    for (std::size_t i = 0; i < count_; ++i) {
      DraftedRow& row = rows_.emplace_back();
      row.text = random_plain_row(random_);
      row.text.prompt_count += 1;  // of a row that drafts something has been drawn
      row.text.input_position += 1;
      row.text.limit += 1 + static_cast<std::int32_t>(random_() % 60);
      row.coupled = random_() % 2 == 0;
      row.penalised = random_() % 2 == 0;
      row.before = static_cast<std::int32_t>(random_() % kPlainVocab);
      if (random_() % 5 != 0) {
        const bool automatic = drafts_ > 1 && random_() % 3 == 0;  // of which some come to want more than there are
        row.length = DraftLength(automatic ? 0 : 1 + static_cast<std::int32_t>(random_() % 16) % drafts_, 40, 4);
        row.reach = random_() % 2 == 0 ? row.token_count() + static_cast<std::int32_t>(random_() % 6) : 1000;
      }
      for (std::int32_t id = 0; id < kPlainVocab; id += 1 + static_cast<std::int32_t>(random_() % 5))
        row.prompt.push_back(id);
      slots_.push_back(random_() % depth_);
    }
  }

  void upload() {
    RowSampling idle;
    idle.temperature = 0;
    std::vector<RowSampling> sampling(sampling_.size(), idle), draft_sampling(draft_sampling_.size(), idle);
    std::vector<ResidentRow> states;
    std::vector<DraftingRow> drafting;
    std::vector<DraftRow> judged;
    std::vector<CountEntry> history(history_.size());
    std::vector<std::int32_t> sizes(history_sizes_.size());
    for (std::size_t i = 0; i < count_; ++i) {
      DraftedRow& row = rows_[i];
      row.open(drafts_);
      RowSampling& s = sampling[slot_of(i)];
      if (!row.rests) {
        s.temperature = 1;
        s.seed = 1000 + i;
        s.end_ids.begin = static_cast<std::int32_t>(end_ids_.size());
        end_ids_.insert(end_ids_.end(), row.text.end_ids.begin(), row.text.end_ids.end());
        s.end_ids.end = static_cast<std::int32_t>(end_ids_.size());
        s.min_tokens = row.text.free_from;
        s.mask_row = row.text.mask_row;
        s.random.position = static_cast<std::uint32_t>(row.token_count());
        if (row.penalised) s.history_slot = static_cast<std::int32_t>(slot_of(i));
      }
      if (row.drafts_on) {
        draft_sampling[i] = s;
        if (!row.coupled) draft_sampling[i].random.stream = RandomStream::kDraft;
      }
      states.push_back({0, row.text.limit, row.rests ? 1 : 0, static_cast<std::int32_t>(slots_[i]), row.text.state,
                        row.text.min_tokens});
      drafting.push_back({row.length, row.reach, row.wanted, row.drafts_on ? 1 : 0, row.text.state});
      judged.push_back({static_cast<std::int32_t>(slot_of(i)), 0, -1, row.coupled ? 1 : 0});
      for (const std::int32_t id : row.prompt) {
        history[slot_of(i) * kHistoryRoom + static_cast<std::size_t>(sizes[slot_of(i)]++)] = {id, 0, 1};
      }
      expect_open(i);
    }
    end_ids_.push_back(kPlainVocab);  // not empty
    sampling_.upload(sampling);
    draft_sampling_.upload(draft_sampling);
    states_.upload(states);
    drafting_.upload(drafting);
    judged_.upload(judged);
    draft_ids_.upload(wanted_draft_ids_);
    history_.upload(history);
    history_sizes_.upload(sizes);
    words_.upload(wanted_words_);
    final_sums_.upload(wanted_final_sums_);
    sums_.upload(wanted_sums_);
    feed_.upload();
    draft_feed_.upload();
  }

  /// What a row's next step begins with.
  void expect_open(std::size_t i) {
    const DraftedRow& row = rows_[i];
    const std::size_t slot = slot_of(i);
    const auto place = static_cast<std::int32_t>(i);
    wanted_draws_[slot] =
        row.rests ? "idle" : draw_of(row, static_cast<std::int32_t>(slot), 1000 + i, RandomStream::kTarget);
    wanted_draft_draws_[i] = draft_draw(i, 0);
    if (row.rests) {
      feed_.fill(slot);
    } else {
      feed_.set(slot, row.text.input, row.text.input_position, place);
    }
    draft_feed_.fill(i);
    draft_feed_.fill(count_ + i);
    if (row.rests || row.text.input_position >= row.reach) return;
    draft_feed_.set(i, row.text.input, row.text.input_position, place);
    draft_feed_.set(count_ + i, row.before, row.text.input_position - 1, place);
  }

  [[nodiscard]] std::string draft_draw(std::size_t row, std::int32_t i) const {
    if (!rows_[row].drafts_on) return "idle";
    return draw_of(rows_[row], static_cast<std::int32_t>(slot_of(row, i)), 1000 + row,
                   rows_[row].coupled ? RandomStream::kTarget : RandomStream::kDraft);
  }

  /// The i-th draft of a row has been drawn, or was not to be.
  void expect_draft(std::size_t index, std::int32_t i) {
    const DraftedRow& row = rows_[index];
    const std::size_t slot = slot_of(index, i);
    const auto place = static_cast<std::int32_t>(index);
    const bool has = static_cast<std::int32_t>(row.drafts.size()) >= i;
    wanted_draft_ids_[slot - 1] = has ? row.drafts.back() : -1;
    if (row.reads(i)) {
      feed_.set(slot, row.drafts.back(), row.ahead.input_position, place);
      wanted_draws_[slot] = draw_of(row, static_cast<std::int32_t>(slot), 1000 + index, RandomStream::kTarget);
      histories_.push_back({slot, row.penalised ? row.history() : ""});
    } else {
      feed_.fill(slot);
      wanted_draws_[slot] = "idle";
    }
    draft_feed_.fill(index);
    if (row.drafts_on) draft_feed_.set(index, row.drafts.back(), row.ahead.input_position, place);
    if (i < drafts_) wanted_draft_draws_[static_cast<std::size_t>(i) * count_ + index] = draft_draw(index, i);
  }

  void commit() {
    std::vector<std::int32_t> accepted, tokens;
    std::vector<SampleDetail> details, proposed;
    const auto detail = [&] { return SampleDetail{-static_cast<float>(random_() % 100000) * 0x1.3p-12f, 9, 9, 9, 9}; };
    for (std::size_t slot = 0; slot < count_ * row_slots_; ++slot) proposed.push_back(detail());
    for (std::size_t i = 0; i < count_; ++i) {
      const auto drafted = static_cast<std::int32_t>(rows_[i].drafts.size());
      accepted.push_back(random_() % 3 == 0 ? static_cast<std::int32_t>(random_() % 17) % (drafted + 1) : drafted);
      if (random_() % 8 == 0) accepted.back() = drafted + 5;  // as if there were so many
      tokens.push_back(random_() % 24 == 0 ? -1 : static_cast<std::int32_t>(random_() % kPlainVocab));
      details.push_back(detail());
      take(i, std::clamp(accepted.back(), 0, drafted), tokens.back(), details.back(), proposed);
    }
    const DeviceTable<std::int32_t> device_accepted(backend_, accepted), device_tokens(backend_, tokens);
    const DeviceTable<SampleDetail> device_details(backend_, details), device_proposed(backend_, proposed);
    DraftLoopParams params = loop_params();
    params.accepted_counts = device_accepted.data();
    params.tokens = device_tokens.data();
    params.details = device_details.data();
    params.proposed_details = device_proposed.data();
    backend_.commit_drafts(params);
  }

  void take(std::size_t index, std::int32_t accepted, std::int32_t last, const SampleDetail& detail,
            const std::vector<SampleDetail>& proposed) {
    DraftedRow& row = rows_[index];
    std::size_t word = slots_[index] * stride_ + index * row_slots_;
    slots_[index] = (slots_[index] + 1) % depth_;
    if (row.rests) {
      wanted_words_[word] = 0xffffffffu;
      return;
    }
    const auto drafted = static_cast<std::uint32_t>(row.drafts.size());
    for (std::int32_t i = 0; i <= accepted && !row.text.ended; ++i, ++word) {
      const std::int32_t token = i < accepted ? row.drafts[static_cast<std::size_t>(i)] : last;
      row.before = row.text.input;
      row.text.take(token, i < accepted ? proposed[slot_of(index, i)].raw_logprob : detail.raw_logprob, automaton_);
      accepted_ += i < accepted ? 1 : 0;
      wanted_words_[word] = static_cast<std::uint32_t>(2 * (token + 1) + (row.text.ended ? 1 : 0)) + (drafted << 22) +
                            (static_cast<std::uint32_t>(accepted) << 27);
      wanted_sums_[word] = row.text.sum();
      if (row.text.ended) wanted_final_sums_[index] = row.text.sum();
    }
    if (!row.text.ended) row.length.took(static_cast<std::int32_t>(drafted), accepted);
    row.open(drafts_);
    if (row.rests) wanted_final_sums_[index] = row.text.sum();
    expect_open(index);
    if (!row.rests) histories_.push_back({slot_of(index), row.penalised ? row.history() : ""});
  }

  [[nodiscard]] DraftLoopParams loop_params() {
    DraftLoopParams p;
    p.rows = static_cast<std::int32_t>(count_);
    p.drafts = drafts_;
    p.states = states_.data();
    p.drafting = drafting_.data();
    device_end_ids_.clear();
    p.end_ids = device_end_ids_.emplace_back(backend_, end_ids_).data();
    p.automata = automata_.params();
    p.history = {history_.data(), history_sizes_.data(), kHistoryRoom,
                 static_cast<std::int32_t>(history_sizes_.size())};
    p.feed = feed_.params();
    p.sampling = sampling_.data();
    p.draft_ids = draft_ids_.data();
    p.judged = judged_.data();
    p.draft_feed = draft_feed_.params();
    p.draft_sampling = draft_sampling_.data();
    p.ring = {words_.data(),
              final_sums_.data(),
              sums_.data(),
              static_cast<std::int32_t>(depth_),
              static_cast<std::int32_t>(stride_),
              static_cast<std::int32_t>(row_slots_)};
    return p;
  }

  void compare() {
    expect_equal(words_, wanted_words_, "words");
    expect_equal(final_sums_, wanted_final_sums_, "final sums");
    expect_equal(sums_, wanted_sums_, "sums");
    expect_equal(draft_ids_, wanted_draft_ids_, "draft ids");
    feed_.compare("model");
    draft_feed_.compare("draft model");
    compare_draws(sampling_, wanted_draws_, "model");
    compare_draws(draft_sampling_, wanted_draft_draws_, "draft model");
    const auto states = states_.download("states");
    const auto drafting = drafting_.download("drafting");
    const auto judged = judged_.download("judged");
    for (std::size_t i = 0; i < count_; ++i) {
      const DraftedRow& row = rows_[i];
      EXPECT_EQ(states[i].slot, static_cast<std::int32_t>(slots_[i])) << i;
      EXPECT_EQ(states[i].finished, row.rests ? 1 : 0) << i;
      EXPECT_EQ(states[i].sum_logprob, row.text.sum()) << i;
      EXPECT_EQ(states[i].state, row.text.state) << i;
      EXPECT_EQ(drafting[i].open, row.drafts_on ? 1 : 0) << i;
      EXPECT_EQ(judged[i].draft_count, static_cast<std::int32_t>(row.drafts.size())) << i;
      EXPECT_EQ(judged[i].first_logit_row, static_cast<std::int32_t>(slot_of(i))) << i;
      if (row.rests) continue;
      EXPECT_EQ(drafting[i].wanted, row.wanted) << i;
      EXPECT_EQ(drafting[i].length.next(), row.length.next()) << i;
    }
    compare_histories();
  }

  static void compare_draws(const GuardedArray<RowSampling>& device, const std::vector<std::string>& wanted,
                            const char* name) {
    const std::vector<RowSampling> draws = device.download(name);
    for (std::size_t i = 0; i < draws.size(); ++i) EXPECT_EQ(draw_of(draws[i]), wanted[i]) << name << ' ' << i;
  }

  void compare_histories() {
    const auto entries = history_.download("history");
    const auto sizes = history_sizes_.download("history sizes");
    for (const auto& [slot, wanted] : histories_) {
      if (wanted.empty()) continue;
      std::string found;
      for (std::size_t i = 0; i < static_cast<std::size_t>(sizes[slot]); ++i) {
        const CountEntry& entry = entries[slot * kHistoryRoom + i];
        EXPECT_EQ(entry.repeated, 1U) << slot;
        found += number(entry.id) + " x" + number(entry.output_count);
      }
      EXPECT_EQ(found, wanted) << slot;
    }
    histories_.clear();
    for (std::size_t slot = 0; slot < sizes.size(); ++slot) {
      const DraftedRow& row = rows_[slot / row_slots_];
      const std::size_t own = slot % row_slots_ == 0 ? row.prompt.size() : 0;
      if (!row.penalised) {
        EXPECT_EQ(sizes[slot], static_cast<std::int32_t>(own)) << slot;
      }
    }
  }

  Backend& backend_;
  std::mt19937& random_;
  std::int32_t drafts_;
  std::size_t row_slots_, count_, depth_, stride_;
  PlainAutomaton automaton_;
  DeviceAutomata automata_;
  std::vector<DraftedRow> rows_;
  std::vector<std::size_t> slots_;  // of the ring
  std::vector<std::int32_t> end_ids_;
  std::vector<DeviceTable<std::int32_t>> device_end_ids_;
  CheckedSlots feed_, draft_feed_;
  GuardedArray<RowSampling> sampling_, draft_sampling_;
  GuardedArray<ResidentRow> states_;
  GuardedArray<DraftingRow> drafting_;
  GuardedArray<DraftRow> judged_;
  GuardedArray<std::int32_t> draft_ids_;
  GuardedArray<CountEntry> history_;
  GuardedArray<std::int32_t> history_sizes_;
  GuardedArray<std::uint32_t> words_;
  GuardedArray<double> final_sums_, sums_;
  std::vector<std::string> wanted_draws_, wanted_draft_draws_;
  std::vector<std::int32_t> wanted_draft_ids_;
  std::vector<std::uint32_t> wanted_words_;
  std::vector<double> wanted_final_sums_, wanted_sums_;
  std::vector<std::pair<std::size_t, std::string>> histories_;  // slots whose histories have just changed
  std::int64_t accepted_ = 0;
};

}  // namespace fllm::test
