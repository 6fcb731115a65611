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

#include "tests/support/draft_loop_arrays.h"
#include "tests/support/random_drafted_row.h"

namespace fllm::test {

/// Rows that draft on a backend, and what must become of them.
class DraftLoopBatch {
 public:
  /// Chooses the rooms of the shape's rows, and counts what they meet.
  DraftLoopBatch(Backend& backend, const DraftLoopShape& shape, std::mt19937& random, DraftCases& cases)
      : backend_(backend),
        random_(random),
        cases_(cases),
        shape_(with_rooms(shape, random)),
        drafts_(shape_.drafts),
        count_(shape_.count()),
        depth_(static_cast<std::size_t>(shape_.depth)),
        stride_(shape_.stride()),
        automaton_(random),
        device_(backend, shape_, automaton_),
        wanted_draws_(shape_.slots(), "idle"),
        wanted_draft_draws_(shape_.draft_draws(), "idle"),
        wanted_draft_ids_(shape_.slots(), -1),
        wanted_texts_(count_ * kTextRoom),
        wanted_words_(shape_.words(), kEmptyWord),
        wanted_final_sums_(count_, -1),
        wanted_sums_(shape_.words(), -1) {
    make_rows();
    upload();
  }

  void step() {
    if (shape_.has_model) draw_drafts();
    look_up();
    compare();
    commit();
    compare();
    std::fill(wanted_words_.begin(), wanted_words_.end(), kEmptyWord);  // what the host has read
    device_.words.upload(wanted_words_);
  }

  [[nodiscard]] std::size_t live() const {
    return static_cast<std::size_t>(
        std::count_if(rows_.begin(), rows_.end(), [](const auto& row) { return !row.rests; }));
  }

 private:
  [[nodiscard]] std::size_t slot_of(std::size_t row, std::int32_t i = 0) const {
    return firsts_[row] + static_cast<std::size_t>(i);
  }

  /// Of arrays of the draft model's rows, several for each.
  [[nodiscard]] std::size_t draft_element(std::size_t row, std::int32_t i) const {
    return static_cast<std::size_t>(i) * shape_.drawing() + static_cast<std::size_t>(rows_[row].place);
  }

  void draw_drafts() {
    std::vector<std::int32_t> drawn(shape_.draft_draws(), -9);
    for (std::int32_t i = 1; i <= drafts_; ++i) {
      for (std::size_t row = 0; row < count_; ++row) {
        if (rows_[row].place < 0) continue;
        const std::int32_t token = random_() % 20 == 0 ? -1 : static_cast<std::int32_t>(random_() % kPlainVocab);
        drawn[draft_element(row, i - 1)] = token;
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
  }

  void look_up() {
    for (std::size_t row = 0; row < count_; ++row) {
      DraftedRow& drafted = rows_[row];
      if (drafted.ngram == 0 && drafted.most == 0) continue;
      const std::vector<std::int32_t> proposed = drafted.proposed(automaton_);
      for (std::size_t i = 1; std::cmp_less_equal(i, drafted.room); ++i) {
        if (i <= proposed.size()) drafted.take_proposed(proposed[i - 1], automaton_);
        expect_draft(row, static_cast<std::int32_t>(i));
      }
      const auto count = static_cast<std::int32_t>(drafted.drafts.size()), known = std::min(count, drafted.known());
      if (drafted.ngram > 0) {
        std::copy_n(drafted.drafts.begin(), known,
                    wanted_texts_.begin() + static_cast<std::ptrdiff_t>(row * kTextRoom + drafted.words.size()));
      }
      cases_.forced += std::min(known, drafted.counts.forced);
      cases_.spelled += std::max(0, known - drafted.counts.forced);
      cases_.found += count - known;
    }
    backend_.propose_drafts(loop_params());
  }

  void make_rows() {
    for (std::size_t i = 0; i < count_; ++i) {
      const std::int32_t room = shape_.rooms[i];
      firsts_.push_back(i == 0 ? 0 : slot_of(i - 1, shape_.rooms[i - 1] + 1));
      rows_.push_back(random_drafted_row(random_, automaton_, room, shape_.places[i]));
      rows_.back().cases = &cases_;
      slots_.push_back(random_() % depth_);
    }
  }

  void upload() {
    RowSampling idle;
    idle.temperature = 0;
    std::vector<RowSampling> sampling(device_.sampling.size(), idle),
        draft_sampling(device_.draft_sampling.size(), idle);
    std::vector<ResidentRow> states;
    std::vector<DraftingRow> drafting;
    std::vector<DraftRow> judged;
    std::vector<CountEntry> history(device_.history.size());
    std::vector<std::int32_t> sizes(device_.history_sizes.size());
    for (std::size_t i = 0; i < count_; ++i) {
      DraftedRow& row = rows_[i];
      row.open(automaton_);
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
      for (std::int32_t k = 1; !shape_.has_model && row.ngram > 0 && k <= row.room; ++k) {
        sampling[slot_of(i, k)] = {};  // of an earlier step
      }
      if (row.drafts_on) {
        RowSampling& first = draft_sampling[draft_element(i, 0)] = s;
        if (!row.coupled) first.random.stream = RandomStream::kDraft;
      }
      states.push_back({0, row.text.limit, row.rests ? 1 : 0, static_cast<std::int32_t>(slots_[i]), row.text.state,
                        row.text.min_tokens});
      drafting.push_back({row.length, row.place, row.reach, row.ngram, row.room, row.wanted, row.drafts_on ? 1 : 0,
                          row.most, row.counts, row.text.state, row.spelling});
      judged.push_back({static_cast<std::int32_t>(slot_of(i)), 0, -1, row.coupled ? 1 : 0});
      for (const std::int32_t id : row.prompt) {
        history[slot_of(i) * kHistoryRoom + static_cast<std::size_t>(sizes[slot_of(i)]++)] = {id, 0, 1};
      }
      std::ranges::copy(row.words, wanted_texts_.begin() + static_cast<std::ptrdiff_t>(i * kTextRoom));
      expect_open(i);
    }
    end_ids_.push_back(kPlainVocab);  // not empty
    device_.sampling.upload(sampling);
    device_.draft_sampling.upload(draft_sampling);
    device_.states.upload(states);
    device_.drafting.upload(drafting);
    device_.judged.upload(judged);
    device_.draft_ids.upload(wanted_draft_ids_);
    device_.history.upload(history);
    device_.history_sizes.upload(sizes);
    device_.texts.upload(wanted_texts_);
    device_.words.upload(wanted_words_);
    device_.final_sums.upload(wanted_final_sums_);
    device_.sums.upload(wanted_sums_);
    device_.feed.upload();
    device_.draft_feed.upload();
  }

  /// What a row's next step begins with.
  void expect_open(std::size_t i) {
    const DraftedRow& row = rows_[i];
    const std::size_t slot = slot_of(i);
    const auto place = static_cast<std::int32_t>(i);
    wanted_draws_[slot] =
        row.rests ? "idle" : draw_of(row, static_cast<std::int32_t>(slot), 1000 + i, RandomStream::kTarget);
    if (row.rests) {
      device_.feed.fill(slot);
    } else {
      device_.feed.set(slot, row.text.input, row.text.input_position, place);
    }
    if (row.place < 0) return;
    wanted_draft_draws_[draft_element(i, 0)] = draft_draw(i, 0);
    const std::size_t last = draft_element(i, 0), before = draft_element(i, 1);
    device_.draft_feed.fill(last);
    device_.draft_feed.fill(before);
    if (row.rests || row.text.input_position >= row.reach) return;
    device_.draft_feed.set(last, row.text.input, row.text.input_position, place);
    device_.draft_feed.set(before, row.before, row.text.input_position - 1, place);
  }

  [[nodiscard]] std::string draft_draw(std::size_t row, std::int32_t i) const {
    if (!rows_[row].drafts_on) return "idle";
    return draw_of(rows_[row], static_cast<std::int32_t>(slot_of(row, i)), 1000 + row,
                   rows_[row].coupled ? RandomStream::kTarget : RandomStream::kDraft);
  }

  /// The i-th draft of a row has been drawn, or was not to be.
  void expect_draft(std::size_t index, std::int32_t i) {
    const DraftedRow& row = rows_[index];
    if (i > row.room) return;  // it is left alone
    const std::size_t slot = slot_of(index, i);
    const auto place = static_cast<std::int32_t>(index);
    const bool has = static_cast<std::int32_t>(row.drafts.size()) >= i;
    wanted_draft_ids_[slot - 1] = has ? row.drafts.back() : -1;
    if (row.reads(i)) {
      device_.feed.set(slot, row.drafts.back(), row.ahead.input_position, place);
      wanted_draws_[slot] = draw_of(row, static_cast<std::int32_t>(slot), 1000 + index, RandomStream::kTarget);
      histories_.push_back({slot, row.penalised ? row.history() : ""});
    } else {
      device_.feed.fill(slot);
      wanted_draws_[slot] = "idle";
    }
    if (row.place < 0) return;
    const std::size_t next = draft_element(index, 0);
    device_.draft_feed.fill(next);
    if (row.drafts_on) device_.draft_feed.set(next, row.drafts.back(), row.ahead.input_position, place);
    if (i < drafts_) wanted_draft_draws_[draft_element(index, i)] = draft_draw(index, i);
  }

  void commit() {
    std::vector<std::int32_t> accepted, tokens;
    std::vector<SampleDetail> details, proposed;
    const auto detail = [&] { return SampleDetail{-static_cast<float>(random_() % 100000) * 0x1.3p-12f, 9, 9, 9, 9}; };
    for (std::size_t slot = 0; slot < shape_.slots(); ++slot) proposed.push_back(detail());
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
    std::size_t word = slots_[index] * stride_ + slot_of(index);
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
      cases_.accepted += i < accepted ? 1 : 0;
      if (row.ngram > 0 && !row.text.ended) {
        wanted_texts_[index * kTextRoom + row.words.size()] = token;
        row.words.push_back(token);
      }
      wanted_words_[word] = static_cast<std::uint32_t>(2 * (token + 1) + (row.text.ended ? 1 : 0)) + (drafted << 22) +
                            (static_cast<std::uint32_t>(accepted) << 27);
      wanted_sums_[word] = row.text.sum();
      if (row.text.ended) wanted_final_sums_[index] = row.text.sum();
    }
    if (!row.text.ended) row.learn(static_cast<std::int32_t>(drafted), accepted);
    row.open(automaton_);
    cases_.waits += row.rests && !row.text.ended ? 1 : 0;
    if (row.rests) wanted_final_sums_[index] = row.text.sum();
    expect_open(index);
    if (!row.rests) histories_.push_back({slot_of(index), row.penalised ? row.history() : ""});
  }

  [[nodiscard]] DraftLoopParams loop_params() {
    DraftLoopParams p = device_.params();
    device_end_ids_.clear();
    p.end_ids = device_end_ids_.emplace_back(backend_, end_ids_).data();
    return p;
  }

  void compare() {
    expect_equal(device_.words, wanted_words_, "words");
    expect_equal(device_.final_sums, wanted_final_sums_, "final sums");
    expect_equal(device_.sums, wanted_sums_, "sums");
    expect_equal(device_.draft_ids, wanted_draft_ids_, "draft ids");
    expect_equal(device_.texts, wanted_texts_, "texts");
    device_.feed.compare("model");
    device_.draft_feed.compare("draft model");
    compare_draws(device_.sampling, wanted_draws_, "model");
    compare_draws(device_.draft_sampling, wanted_draft_draws_, "draft model");
    const auto states = device_.states.download("states");
    const auto drafting = device_.drafting.download("drafting");
    const auto judged = device_.judged.download("judged");
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
      EXPECT_EQ(wants_of(drafting[i]), wants_of(row)) << i;
    }
    compare_histories();
  }

  static void compare_draws(const GuardedArray<RowSampling>& device, const std::vector<std::string>& wanted,
                            const char* name) {
    const std::vector<RowSampling> draws = device.download(name);
    for (std::size_t i = 0; i < draws.size(); ++i) EXPECT_EQ(draw_of(draws[i]), wanted[i]) << name << ' ' << i;
  }

  void compare_histories() {
    const auto entries = device_.history.download("history");
    const auto sizes = device_.history_sizes.download("history sizes");
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
    for (std::size_t index = 0; index < count_; ++index) {
      if (rows_[index].penalised) continue;
      EXPECT_EQ(sizes[slot_of(index)], static_cast<std::int32_t>(rows_[index].prompt.size())) << index;
      for (std::int32_t i = 1; i <= rows_[index].room; ++i) EXPECT_EQ(sizes[slot_of(index, i)], 0) << index;
    }
  }

  Backend& backend_;
  std::mt19937& random_;
  DraftCases& cases_;
  DraftLoopShape shape_;
  std::int32_t drafts_;
  std::size_t count_, depth_, stride_;
  PlainAutomaton automaton_;
  DraftLoopArrays device_;
  std::vector<DraftedRow> rows_;
  std::vector<std::size_t> firsts_;  // slots of the steps
  std::vector<std::size_t> slots_;   // of the ring
  std::vector<std::int32_t> end_ids_;
  std::vector<DeviceTable<std::int32_t>> device_end_ids_;
  std::vector<std::string> wanted_draws_, wanted_draft_draws_;
  std::vector<std::int32_t> wanted_draft_ids_, wanted_texts_;
  std::vector<std::uint32_t> wanted_words_;
  std::vector<double> wanted_final_sums_, wanted_sums_;
  std::vector<std::pair<std::size_t, std::string>> histories_;  // slots whose histories have just changed
};

}  // namespace fllm::test
