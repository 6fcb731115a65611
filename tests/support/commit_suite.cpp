// SPDX-License-Identifier: Apache-2.0
#include "tests/support/commit_suite.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <random>
#include <vector>

#include "tests/support/expect_error.h"
#include "tests/support/plain_rows.h"

namespace fllm::test {
namespace {

/// A batch on a backend and what must have become of it.
class CommitBatch {
 public:
  CommitBatch(Backend& backend, std::int32_t rows, std::int32_t depth, std::mt19937& random)
      : backend_(backend),
        random_(random),
        depth_(static_cast<std::size_t>(depth)),
        stride_(static_cast<std::size_t>(rows) + 3),
        sampling_(backend, static_cast<std::size_t>(rows)),
        states_(backend, static_cast<std::size_t>(rows)),
        tokens_(backend, static_cast<std::size_t>(rows)),
        positions_(backend, static_cast<std::size_t>(rows)),
        words_(backend, depth_ * stride_),
        final_sums_(backend, stride_),
        sums_(backend, depth_ * stride_),
        wanted_words_(depth_ * stride_, kEmptyWord),
        wanted_final_sums_(stride_, -1),
        wanted_sums_(depth_ * stride_, -1),
        automaton_(random) {
    std::vector<RowSampling> sampling;
    std::vector<ResidentRow> states;
    std::vector<std::int32_t> tokens, positions;
    for (std::int32_t i = 0; i < rows; ++i) {
      const PlainRow& row = rows_.emplace_back(random_plain_row(random));
      slots_.push_back(random() % depth_);
      RowSampling& s = sampling.emplace_back();
      s.seed = 1000 + static_cast<std::uint64_t>(i);
      s.end_ids.begin = static_cast<std::int32_t>(end_ids_.size());
      end_ids_.insert(end_ids_.end(), row.end_ids.begin(), row.end_ids.end());
      s.end_ids.end = static_cast<std::int32_t>(end_ids_.size());
      s.min_tokens = row.free_from;
      s.mask_row = row.mask_row;
      s.random.position = static_cast<std::uint32_t>(row.prompt_count);
      states.push_back(
          {0, row.limit, row.ended ? 1 : 0, static_cast<std::int32_t>(slots_.back()), row.state, row.min_tokens});
      tokens.push_back(row.input);
      positions.push_back(row.input_position);
    }
    end_ids_.push_back(kPlainVocab);  // not empty
    sampling_.upload(sampling);
    states_.upload(states);
    tokens_.upload(tokens);
    positions_.upload(positions);
    words_.upload(wanted_words_);
    final_sums_.upload(wanted_final_sums_);
    sums_.upload(wanted_sums_);
  }

  void step() {
    std::vector<std::int32_t> drawn;
    std::vector<SampleDetail> details;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      drawn.push_back(random_() % 16 == 0 ? -1 : static_cast<std::int32_t>(random_() % kPlainVocab));
      details.push_back({-static_cast<float>(random_() % 100000) * 0x1.3p-12f, 9, 9, 9, 9});
      expect(i, drawn.back(), details.back().raw_logprob);
    }
    const DeviceTable<std::int32_t> device_drawn(backend_, drawn), end_ids(backend_, end_ids_);
    const DeviceTable<SampleDetail> device_details(backend_, details);
    const DeviceAutomata automata(backend_, automaton_);
    backend_.commit_rows({device_drawn.data(),
                          device_details.data(),
                          end_ids.data(),
                          sampling_.data(),
                          states_.data(),
                          tokens_.data(),
                          positions_.data(),
                          {words_.data(), final_sums_.data(), sums_.data(), static_cast<std::int32_t>(depth_),
                           static_cast<std::int32_t>(stride_)},
                          static_cast<std::int32_t>(rows_.size()),
                          automata.params()});
    compare();
    std::fill(wanted_words_.begin(), wanted_words_.end(), kEmptyWord);  // what the host has read
    words_.upload(wanted_words_);
  }

  [[nodiscard]] std::size_t live() const {
    return static_cast<std::size_t>(std::count_if(rows_.begin(), rows_.end(), [](const auto& r) { return !r.ended; }));
  }

 private:
  void expect(std::size_t index, std::int32_t token, float logprob) {
    PlainRow& row = rows_[index];
    const std::size_t word = slots_[index] * stride_ + index;
    slots_[index] = (slots_[index] + 1) % depth_;
    if (row.ended) {
      wanted_words_[word] = 0xffffffffu;
      return;
    }
    row.take(token, logprob, automaton_);
    wanted_words_[word] = static_cast<std::uint32_t>(2 * (token + 1) + (row.ended ? 1 : 0));
    wanted_sums_[word] = row.sum();
    if (row.ended) wanted_final_sums_[index] = row.sum();
  }

  void compare() const {
    expect_equal(words_, wanted_words_, "words");
    expect_equal(final_sums_, wanted_final_sums_, "final sums");
    expect_equal(sums_, wanted_sums_, "sums");
    const std::vector<RowSampling> sampling = sampling_.download("sampling");
    const std::vector<ResidentRow> states = states_.download("states");
    const std::vector<std::int32_t> tokens = tokens_.download("tokens"), positions = positions_.download("positions");
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const PlainRow& row = rows_[i];
      EXPECT_EQ(tokens[i], row.input) << i;
      EXPECT_EQ(positions[i], row.input_position) << i;
      EXPECT_EQ(states[i].slot, static_cast<std::int32_t>(slots_[i])) << i;
      EXPECT_EQ(states[i].finished, row.ended ? 1 : 0) << i;
      EXPECT_EQ(states[i].token_limit, row.limit) << i;
      EXPECT_EQ(states[i].sum_logprob, row.sum()) << i;
      EXPECT_EQ(states[i].state, row.state) << i;
      EXPECT_EQ(states[i].min_tokens, row.min_tokens) << i;
      EXPECT_EQ(sampling[i].mask_row, row.mask_row) << i;
      EXPECT_EQ(sampling[i].min_tokens, row.free_from) << i;
      EXPECT_EQ(sampling[i].seed, 1000 + i) << i;
      EXPECT_EQ(positions[i] + 1, static_cast<std::int32_t>(sampling[i].random.position)) << i;
      EXPECT_EQ(sampling[i].generated, row.input_position - row.prompt_count + 1) << i;
    }
  }

  Backend& backend_;
  std::mt19937& random_;
  std::size_t depth_, stride_;
  std::vector<PlainRow> rows_;
  std::vector<std::size_t> slots_;
  std::vector<std::int32_t> end_ids_;
  GuardedArray<RowSampling> sampling_;
  GuardedArray<ResidentRow> states_;
  GuardedArray<std::int32_t> tokens_, positions_;
  GuardedArray<std::uint32_t> words_;
  GuardedArray<double> final_sums_, sums_;
  std::vector<std::uint32_t> wanted_words_;
  std::vector<double> wanted_final_sums_, wanted_sums_;
  PlainAutomaton automaton_;
};

}  // namespace

void run_commit_steps(Backend& backend) {
  std::mt19937 random(5);
  for (const std::int32_t rows : {1, 7, 127, 128, 129, 300}) {
    for (const std::int32_t depth : {1, 3}) {
      SCOPED_TRACE(testing::Message() << rows << " rows, depth " << depth);
      CommitBatch batch(backend, rows, depth, random);
      for (int step = 0; step < 8 && !testing::Test::HasFailure(); ++step) batch.step();
      if (rows >= 127) {
        EXPECT_LT(batch.live(), static_cast<std::size_t>(rows) / 2);
      }
    }
  }
}

void run_commit_refusals(Backend& backend) {
  std::int32_t number = 0;
  SampleDetail detail{};
  RowSampling sampling;
  ResidentRow state;
  std::uint32_t word = 0;
  double sum = 0;
  const CommitRowsParams good{&number, &detail, &number, &sampling, &state, &number, &number, {&word, &sum, &sum, 1, 1},
                              1,       {}};
  const auto refused = [&](const char* part, const std::function<void(CommitRowsParams&)>& change) {
    CommitRowsParams wrong = good;
    change(wrong);
    expect_error(ErrorCode::kInvalidArgument, {"commit_rows: ", part}, [&] { backend.commit_rows(wrong); });
  };
  refused("rows is -1", [](auto& w) { w.rows = -1; });
  refused("ring depth is 0", [](auto& w) { w.ring.depth = 0; });
  refused("ring stride is 1; allowed: >= 2", [](auto& w) { w.rows = 2; });
  refused("drawn or details missing", [](auto& w) { w.drawn = nullptr; });
  refused("drawn or details missing", [](auto& w) { w.details = nullptr; });
  refused("end_ids missing", [](auto& w) { w.end_ids = nullptr; });
  refused("sampling or states missing", [](auto& w) { w.sampling = nullptr; });
  refused("sampling or states missing", [](auto& w) { w.states = nullptr; });
  refused("tokens or positions missing", [](auto& w) { w.tokens = nullptr; });
  refused("tokens or positions missing", [](auto& w) { w.positions = nullptr; });
  refused("ring words or sums missing", [](auto& w) { w.ring.words = nullptr; });
  refused("ring words or sums missing", [](auto& w) { w.ring.final_sums = nullptr; });
  refused("ring words or sums missing", [](auto& w) { w.ring.sums = nullptr; });
  refused("automata state_count is -1", [](auto& w) { w.automata.state_count = -1; });
  refused("automata tables missing", [](auto& w) { w.automata.state_count = 1; });
}

}  // namespace fllm::test
