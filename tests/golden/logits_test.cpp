// SPDX-License-Identifier: Apache-2.0
// Logits of checkpoints written by PyTorch, against a plain PyTorch restatement of the model (make_checkpoints.py).
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "host/model/open_model.h"
#include "tests/support/model_runner.h"

namespace fllm {
namespace {

// Both sides compute in fp32 and in different orders; logits here are up to about 10, so 2e-4 is some 200 of their
// last bits after up to six layers.
constexpr float kTolerance = 2e-4f;

const std::filesystem::path kGenerated = FLLM_GOLDEN_CHECKPOINTS;
const std::vector<std::string> kCases = {"learned",
                                         "sinusoidal",
                                         "sinusoidal_batched",
                                         "sinusoidal_computed",
                                         "one_head",
                                         "odd_head",
                                         "head_of_one",
                                         "wide_ffn",
                                         "head_of_64",
                                         "long",
                                         "context_of_one",
                                         "half",
                                         "bfloat16",
                                         "double",
                                         "final",
                                         "aliases",
                                         "best_yaml",
                                         "best_yml",
                                         "config_yaml",
                                         "model_yaml",
                                         "bare",
                                         "bare_versioned",
                                         "buffer",
                                         "protocol_4",
                                         "one_storage",
                                         "strided",
                                         "strided_half",
                                         "parameters",
                                         "untied_copy",
                                         "no_output",
                                         "bundled",
                                         "draft"};

std::string checkpoint_of(const std::string& name) {
  if (name == "bundled") return "apps/models/shakespeare/model.pt";
  if (name == "draft") return "apps/models/shakespeare/draft";
  return (kGenerated / name).string();
}

struct Expected {
  std::vector<std::int32_t> tokens;
  std::vector<float> logits;  // [tokens, vocab]
};

std::vector<Expected> read_expected(const std::string& name, std::int32_t vocab) {
  std::ifstream file(kGenerated / name / "expected.bin", std::ios::binary);
  const auto read = [&](void* to, std::size_t bytes) {
    file.read(static_cast<char*>(to), static_cast<std::streamsize>(bytes));
    ASSERT_TRUE(file.good());
  };
  std::int32_t count = 0;
  read(&count, sizeof(count));
  std::vector<Expected> sequences(static_cast<std::size_t>(count));
  for (Expected& sequence : sequences) {
    std::int32_t length = 0;
    read(&length, sizeof(length));
    sequence.tokens.resize(static_cast<std::size_t>(length));
    read(sequence.tokens.data(), sequence.tokens.size() * sizeof(std::int32_t));
    sequence.logits.resize(sequence.tokens.size() * static_cast<std::size_t>(vocab));
    read(sequence.logits.data(), sequence.logits.size() * sizeof(float));
  }
  EXPECT_EQ(file.peek(), std::ifstream::traits_type::eof());
  return sequences;
}

/// logits: rows [begin, …) of a sequence.
void expect_close(const float* got, const Expected& expected, std::size_t begin, std::size_t rows, std::int32_t vocab) {
  const auto width = static_cast<std::size_t>(vocab);
  float worst = 0;
  for (std::size_t i = 0; i < rows * width; ++i) {
    const float difference = std::abs(got[i] - expected.logits[begin * width + i]);
    if (!(difference <= worst)) worst = difference;  // keeps a NaN
  }
  EXPECT_LE(worst, kTolerance) << "rows " << begin << " to " << begin + rows << " of " << expected.tokens.size();
}

class Logits : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kGenerated / "ready")) {
      GTEST_SKIP() << "no checkpoints in " << kGenerated << ": make_checkpoints.py needs python3-torch";
    }
    backend_ = make_backend({.device = "cpu", .threads = 2});
    model_ = load_model(model_file(checkpoint_of(GetParam())), *backend_);
    expected_ = read_expected(GetParam(), vocab());
    ASSERT_FALSE(expected_.empty());
  }

  [[nodiscard]] std::int32_t vocab() const { return model_.config.vocab_size; }
  [[nodiscard]] test::ModelRunner runner() {
    return {*backend_, model_, static_cast<std::int32_t>(expected_.size()), 5};
  }
  [[nodiscard]] test::Piece piece(std::size_t sequence, std::size_t begin, std::size_t end) const {
    const auto& tokens = expected_[sequence].tokens;
    return {static_cast<std::int32_t>(sequence),
            static_cast<std::int32_t>(begin),
            {tokens.begin() + static_cast<std::ptrdiff_t>(begin), tokens.begin() + static_cast<std::ptrdiff_t>(end)}};
  }

  std::unique_ptr<Backend> backend_;
  Model model_;
  std::vector<Expected> expected_;
};

TEST_P(Logits, PrefillOfOneSequence) {
  auto runner = this->runner();
  for (std::size_t s = 0; s < expected_.size(); ++s) {
    const std::size_t length = expected_[s].tokens.size();
    expect_close(runner.step({piece(s, 0, length)}).data(), expected_[s], 0, length, vocab());
  }
}

TEST_P(Logits, TokenByToken) {
  auto runner = this->runner();
  const std::size_t s = expected_.size() - 1;
  for (std::size_t i = 0; i < expected_[s].tokens.size(); ++i) {
    expect_close(runner.step({piece(s, i, i + 1)}).data(), expected_[s], i, 1, vocab());
  }
}

// Sequences of different lengths advance together, each in its own stride: prefill and decode rows share steps.
TEST_P(Logits, MixedBatches) {
  auto runner = this->runner();
  std::vector<std::size_t> done(expected_.size(), 0);
  for (;;) {
    std::vector<test::Piece> pieces;
    for (std::size_t s = expected_.size(); s-- > 0;) {
      const std::size_t end = std::min(expected_[s].tokens.size(), done[s] + 1 + 5 * s);
      if (done[s] < end) pieces.push_back(piece(s, done[s], end));
    }
    if (pieces.empty()) break;
    const std::vector<float> logits = runner.step(pieces);
    const float* next = logits.data();
    for (const test::Piece& p : pieces) {
      const auto s = static_cast<std::size_t>(p.sequence);
      expect_close(next, expected_[s], done[s], p.tokens.size(), vocab());
      done[s] += p.tokens.size();
      next += p.tokens.size() * static_cast<std::size_t>(vocab());
    }
  }
}

TEST_P(Logits, OnlyTheRowsAskedFor) {
  auto runner = this->runner();
  const std::size_t s = expected_.size() - 1;
  const Expected& sequence = expected_[s];
  const auto length = static_cast<std::int32_t>(sequence.tokens.size());
  std::vector<std::int32_t> positions(sequence.tokens.size());
  for (std::int32_t i = 0; i < length; ++i) positions[static_cast<std::size_t>(i)] = i;
  std::vector<std::int32_t> rows = {length - 1};  // last, first, middle, as far as they differ
  for (const std::int32_t row : {0, length / 2}) {
    if (std::count(rows.begin(), rows.end(), row) == 0) rows.push_back(row);
  }
  const auto tokens_device = runner.to_device(sequence.tokens), positions_device = runner.to_device(positions),
             sequences_device = runner.to_device(std::vector(positions.size(), static_cast<std::int32_t>(s))),
             rows_device = runner.to_device(rows);
  const std::vector<float> logits =
      runner.run({length, tokens_device.data(), positions_device.data(), runner.tables(sequences_device.data()),
                  rows_device.data(), static_cast<std::int32_t>(rows.size())});
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto row = static_cast<std::size_t>(rows[i]);
    expect_close(logits.data() + i * static_cast<std::size_t>(vocab()), sequence, row, 1, vocab());
  }
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, Logits, testing::ValuesIn(kCases), [](const auto& info) { return info.param; });

TEST(Checkpoints, EveryGeneratedCaseIsTested) {
  if (!std::filesystem::exists(kGenerated / "ready")) GTEST_SKIP() << "make_checkpoints.py needs python3-torch";
  for (const auto& entry : std::filesystem::directory_iterator(kGenerated)) {
    const std::string name = entry.path().filename().string();
    if (name == "ready") continue;
    EXPECT_EQ(std::count(kCases.begin(), kCases.end(), name), 1) << name;
  }
}

}  // namespace
}  // namespace fllm
