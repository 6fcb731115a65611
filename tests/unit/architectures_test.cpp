// SPDX-License-Identifier: Apache-2.0
// Whole models of every architecture, from every format's names, against tests/support/plain_model.h.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "cuda/backend/make_fiber_backend.h"
#include "host/model/positions.h"
#include "host/model/weight_names.h"
#include "tests/support/expect_error.h"
#include "tests/support/model_runner.h"
#include "tests/support/plain_model.h"

namespace fllm {
namespace {

using test::MemorySource;
using test::PlainModel;

ModelConfig interleaved(ModelConfig config) {
  config.rotary.pairing = RopePairing::kInterleaved;
  return config;
}

struct Case {
  const char* name;
  ModelConfig config;  // as the plain model has it
  WeightFormat format;
  bool interleaved;
  std::function<MemorySource(const PlainModel&)> write;

  friend std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.name; }
};

std::vector<Case> cases() {
  using test::as_gguf, test::as_huggingface, test::as_llama2c;
  ModelConfig plain_llama = test::small_llama();
  plain_llama.head_dim = 6;
  plain_llama.rotary = {.dimensions = 6};
  ModelConfig partly_turned = test::small_llama();
  partly_turned.head_dim = 10;
  ModelConfig erf = test::small_gpt2();
  erf.ffn = FfnKind::kGelu;
  const auto with = [](const char* prefix) {
    return [prefix](const PlainModel& m) { return as_huggingface(m, prefix); };
  };
  return {{"LlamaGguf", test::small_llama(), WeightFormat::kGguf, true, as_gguf},
          {"LlamaHuggingFace", test::small_llama(), WeightFormat::kHuggingFace, false, with("model.")},
          {"LlamaLlama2c", plain_llama, WeightFormat::kLlama2c, true, as_llama2c},
          {"LlamaPartlyTurned", partly_turned, WeightFormat::kHuggingFace, false, with("")},
          {"Qwen2Gguf", test::small_qwen2(), WeightFormat::kGguf, false, as_gguf},
          {"Qwen2HuggingFace", test::small_qwen2(), WeightFormat::kHuggingFace, false, with("model.")},
          {"Gpt2Gguf", test::small_gpt2(), WeightFormat::kGguf, false, as_gguf},
          {"Gpt2HuggingFace", test::small_gpt2(), WeightFormat::kHuggingFace, false, with("transformer.")},
          {"Gpt2HuggingFaceBare", erf, WeightFormat::kHuggingFace, false, with("")}};
}

std::vector<std::int32_t> tokens_of(std::size_t length, std::uint32_t seed) {
  std::vector<std::int32_t> tokens;
  for (std::size_t i = 0; i < length; ++i) {
    tokens.push_back(static_cast<std::int32_t>((seed = seed * 1664525u + 1013904223u) >> 16) % 50);
  }
  return tokens;
}

class Architectures : public testing::TestWithParam<Case> {
 protected:
  Architectures() {
    const MemorySource source = GetParam().write(plain_);
    const ModelConfig config = GetParam().interleaved ? interleaved(plain_.config) : plain_.config;
    model_ = load_model(source, config, weight_names(GetParam().format, config.architecture), *backend_);
    for (const std::size_t length : {1, 7, 40})
      sequences_.push_back(tokens_of(length, static_cast<std::uint32_t>(length)));
  }

  [[nodiscard]] test::ModelRunner runner() const { return {*backend_, model_, 3, 5}; }
  [[nodiscard]] test::Piece piece(std::size_t sequence, std::size_t begin, std::size_t end) const {
    const auto first = sequences_[sequence].begin();
    return {static_cast<std::int32_t>(sequence),
            static_cast<std::int32_t>(begin),
            {first + static_cast<std::ptrdiff_t>(begin), first + static_cast<std::ptrdiff_t>(end)}};
  }

  PlainModel plain_ = test::random_model(GetParam().config);
  std::unique_ptr<Backend> backend_ = make_backend({.device = "cpu", .threads = 2});
  Model model_;
  std::vector<std::vector<std::int32_t>> sequences_;
};

TEST_P(Architectures, LogitsAreThoseOfThePlainModel) {
  auto runner = this->runner();
  const std::vector<float> logits = runner.step({piece(2, 0, 40), piece(0, 0, 1), piece(1, 0, 7)});
  std::vector<std::vector<double>> expected;
  double largest = 0;
  for (const std::size_t s : {2, 0, 1}) {
    for (std::vector<double>& row : test::plain_logits(plain_, sequences_[s])) expected.push_back(std::move(row));
  }
  for (std::size_t row = 0; row < expected.size(); ++row) {
    for (std::size_t i = 0; i < expected[row].size(); ++i) {
      largest = std::max(largest, std::fabs(expected[row][i]));
      // Logits up to about 10 after some twenty roundings to 2^-24 of values up to about 8, each carried through products
      // of random signs.
      ASSERT_NEAR(logits[row * 50 + i], expected[row][i], 2e-5) << "row " << row << ", token " << i;
    }
  }
  EXPECT_GT(largest, 1);  // there is something to compare
}

TEST_P(Architectures, OneTokenAtATimeGivesTheSameBits) {
  auto whole = this->runner(), stepwise = this->runner();
  const std::vector<float> expected = whole.step({piece(2, 0, 40)});
  std::vector<float> got;
  for (std::size_t i = 0; i < 40; ++i) {
    // Another sequence beside it changes nothing.
    std::vector<test::Piece> pieces = {piece(2, i, i + 1)};
    if (i < 7) pieces.push_back(piece(1, i, i + 1));
    const std::vector<float> logits = stepwise.step(pieces);
    got.insert(got.end(), logits.begin(), logits.begin() + 50);
  }
  EXPECT_EQ(got, expected);
}

TEST_P(Architectures, ParametersAreCountedOnce) {
  const MemorySource source = GetParam().write(plain_);
  std::int64_t count = 0;
  for (const TensorInfo& tensor : source.tensors()) {
    if (!tensor.name.ends_with(".attn.bias")) count += static_cast<std::int64_t>(tensor.bytes / sizeof(float));
  }
  EXPECT_EQ(model_.parameter_count, count);
}

TEST_P(Architectures, EveryWeightIsNeeded) {
  const MemorySource whole = GetParam().write(plain_);
  for (const TensorInfo& tensor : whole.tensors()) {
    if (tensor.name.ends_with(".attn.bias")) continue;
    MemorySource cut = whole;
    cut.remove(tensor.name);
    test::expect_error(ErrorCode::kBadFormat, {"memory.file: 1 wrong tensor: ", tensor.name, "is missing"}, [&] {
      (void)load_model(cut, plain_.config, weight_names(GetParam().format, plain_.config.architecture), *backend_);
    });
  }
}

INSTANTIATE_TEST_SUITE_P(Every, Architectures, testing::ValuesIn(cases()),
                         [](const auto& info) { return info.param.name; });

// Two steps, prompts and then single tokens, through the kernels as blocks of threads.
TEST(Contexts, FibersGiveTheSameBits) {
  const std::unique_ptr<Backend> serial = make_backend({.device = "cpu", .threads = 1}),
                                 fibers = make_fiber_backend({64, 1});
  for (const ModelConfig& config : {test::small_llama(), test::small_qwen2(), test::small_gpt2()}) {
    const MemorySource source = test::as_huggingface(test::random_model(config), "");
    std::vector<std::vector<float>> logits;
    for (Backend* backend : {serial.get(), fibers.get()}) {
      const Model model =
          load_model(source, config, weight_names(WeightFormat::kHuggingFace, config.architecture), *backend);
      test::ModelRunner runner(*backend, model, 2, 5);
      logits.push_back(runner.step({{0, 0, tokens_of(17, 1)}, {1, 0, tokens_of(3, 2)}}));
      const std::vector<float> next = runner.step({{1, 3, {4}}, {0, 17, {9}}});
      logits.back().insert(logits.back().end(), next.begin(), next.end());
    }
    EXPECT_EQ(logits[1], logits[0]) << architecture_name(config.architecture);
  }
}

class Weights : public testing::Test {
 protected:
  Model load(const MemorySource& source, const ModelConfig& config) {
    return load_model(source, config, weight_names(format_, config.architecture), *backend_);
  }
  void expect_refused(const MemorySource& source, const ModelConfig& config, const std::vector<std::string>& parts,
                      ErrorCode code = ErrorCode::kBadFormat) {
    test::expect_error(code, parts, [&] { (void)load(source, config); });
  }

  WeightFormat format_ = WeightFormat::kGguf;
  std::unique_ptr<Backend> backend_ = make_backend({.device = "cpu", .threads = 1});
};

TEST_F(Weights, ProblemsAreListedTogether) {
  const ModelConfig config = test::small_llama();
  MemorySource source = test::as_gguf(test::random_model(config));
  source.remove("blk.1.ffn_up.weight");
  source.remove("output_norm.weight");
  source.remove("blk.0.attn_k.weight");
  source.add("blk.0.attn_k.weight", {32, 24}, std::vector<float>(768));
  source.add("blk.2.attn_q.weight", {1}, {0});
  source.add("blk.0.attn_q.bias", {32}, std::vector<float>(32));
  expect_refused(source, config,
                 {"5 wrong tensors", "blk.1.ffn_up.weight: is missing", "output_norm.weight: is missing",
                  "blk.0.attn_k.weight: shape [32, 24], the config asks for [16, 24]", "blk.2.attn_q.weight: not part",
                  "blk.0.attn_q.bias: not part"});
}

TEST_F(Weights, EveryNameTriedIsNamed) {
  format_ = WeightFormat::kHuggingFace;
  MemorySource source = test::as_huggingface(test::random_model(test::small_gpt2()), "");
  source.remove("h.1.mlp.c_fc.bias");
  expect_refused(source, test::small_gpt2(), {"transformer.h.1.mlp.c_fc.bias or h.1.mlp.c_fc.bias: is missing"});
}

TEST_F(Weights, FactorsOfFrequencies) {
  ModelConfig config = test::small_llama();
  config.rotary = {.dimensions = 8, .pairing = RopePairing::kInterleaved};
  PlainModel plain = test::random_model(config);
  const std::vector<float> factors = {1, 2, 4, 32};
  MemorySource source = test::as_gguf(plain);
  source.add("rope_freqs.weight", {4}, factors);
  const Model model = load(source, config);
  for (std::size_t i = 0; i < 4; ++i) plain.rotary_frequencies[i] /= double{factors[i]};
  test::ModelRunner runner(*backend_, model, 1, 1);
  const std::vector<std::int32_t> tokens = tokens_of(20, 3);
  const std::vector<float> logits = runner.step({{0, 0, tokens}});
  const auto expected = test::plain_logits(plain, tokens);
  for (std::size_t i = 0; i < logits.size(); ++i) ASSERT_NEAR(logits[i], expected[i / 50][i % 50], 2e-5) << i;

  MemorySource zero = test::as_gguf(plain);
  zero.add("rope_freqs.weight", {4}, {1, 0, 1, 1});
  expect_refused(zero, config, {"rope_freqs.weight", "a factor is 0", "above 0"});
}

TEST_F(Weights, OutputAsStored) {
  ModelConfig config = test::small_llama();
  const MemorySource separate = test::as_gguf(test::random_model(config));
  config.output = OutputKind::kAsStored;
  EXPECT_EQ(load(separate, config).config.output, OutputKind::kSeparate);
  MemorySource tied = separate;
  tied.remove("output.weight");
  EXPECT_EQ(load(tied, config).config.output, OutputKind::kTied);
  config.output = OutputKind::kTied;
  expect_refused(separate, config, {"output.weight differs from token_embd.weight", "tied"}, ErrorCode::kUnsupported);
}

TEST_F(Weights, TablesOfPositionsAreBounded) {
  ModelConfig config = test::small_llama();
  config.sequence_length = 1 << 20;
  config.rotary.dimensions = 512;
  EXPECT_NO_THROW((void)rotary_frequencies(config.rotary, {}));
  test::expect_error(ErrorCode::kUnsupported, {"f.gguf", "1048576 positions x 512"},
                     [&] { (void)rotary_angles(config, {}, "f.gguf"); });
}

}  // namespace
}  // namespace fllm
