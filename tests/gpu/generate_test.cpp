// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>

#include "cuda/backend/cuda_backend.h"
#include "fundamentallm/generator.h"
#include "host/model/weight_names.h"
#include "host/tokenizer/load_tokenizer.h"
#include "tests/support/model_runner.h"
#include "tests/support/plain_model.h"

// Models from prompt to logits and to text, on the device and on the CPU.
namespace fllm::test {
namespace {

constexpr const char* kBundledModel = "apps/models/shakespeare";

std::vector<float> logits_of(const Model& model, Backend& backend, const std::vector<Piece>& prompt,
                             const std::vector<Piece>& next) {
  ModelRunner runner(backend, model, 3, 1);
  std::vector<float> all = runner.step(prompt);
  const std::vector<float> decoded = runner.step(next);
  all.insert(all.end(), decoded.begin(), decoded.end());
  return all;
}

// 1e-4 absolute: logits of up to about 10 from products summed in another order, six layers deep.
TEST(CudaGenerate, LogitsAreThoseOfTheCpu) {
  const std::vector<Piece> prompts{
      {0, 0, {2, 39, 37, 30, 26, 36, 14}}, {1, 0, {5, 60}}, {2, 0, {4, 4, 30, 47, 50, 55, 56, 61, 20, 21}}};
  const std::vector<Piece> next{{0, 7, {4}}, {1, 2, {61, 11}}, {2, 10, {68}}};
  const std::unique_ptr<Backend> cpu = make_backend({.device = "cpu"}), device = make_cuda_backend(0);
  const std::vector<float> want = logits_of(load_model(std::string(kBundledModel) + "/model.pt", *cpu), *cpu, prompts,
                                            next),
                           got = logits_of(load_model(std::string(kBundledModel) + "/model.pt", *device), *device,
                                           prompts, next);
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < want.size(); ++i) ASSERT_NEAR(got[i], want[i], 1e-4f) << i;
}

// The same bound, far above what two small layers need.
TEST(CudaGenerate, LogitsOfEveryArchitectureAreThoseOfTheCpu) {
  const std::vector<Piece> prompts{{0, 0, {2, 39, 37, 30, 26, 36, 14}}, {1, 0, {5, 40}}, {2, 0, {4, 4, 30, 47}}};
  const std::vector<Piece> next{{0, 7, {4}}, {1, 2, {41, 11}}, {2, 4, {48}}};
  const std::unique_ptr<Backend> cpu = make_backend({.device = "cpu"}), device = make_cuda_backend(0);
  for (ModelConfig config : {small_llama(), small_qwen2(), small_gpt2()}) {
    const MemorySource source = as_gguf(random_model(config));
    if (config.architecture == Architecture::kLlama) config.rotary.pairing = RopePairing::kInterleaved;
    const WeightNames& names = weight_names(WeightFormat::kGguf, config.architecture);
    const std::vector<float> want = logits_of(load_model(source, config, names, *cpu), *cpu, prompts, next),
                             got = logits_of(load_model(source, config, names, *device), *device, prompts, next);
    ASSERT_EQ(got.size(), want.size());
    for (std::size_t i = 0; i < want.size(); ++i) {
      ASSERT_NEAR(got[i], want[i], 1e-4f) << architecture_name(config.architecture) << ": " << i;
    }
  }
}

// Greedy, so that no text depends on how products of one and of several rows are rounded but where two tokens are as likely.
TEST(CudaGenerate, DraftsChangeNoGreedyText) {
  EngineOptions options{.device = "cuda:0", .max_rows = 2};
  options.draft_model = std::string(kBundledModel) + "/draft";
  Generator generator = Generator::open(options.draft_model, options).value();
  Request request;
  request.prompt = std::string("row row row");
  request.length.max_tokens = request.length.min_tokens = 14;
  request.sampling.temperature = 0;
  const std::string wanted = generator.generate(request).value().samples[0].text;
  for (const SpeculationRule rule : {SpeculationRule::kCoupled, SpeculationRule::kRatio}) {
    for (const std::int32_t lookup : {0, 2}) {
      request.speculation = SpeculationOptions{.rule = rule, .draft_tokens = 3, .prompt_lookup = lookup};
      const Completion completion = generator.generate(request).value();
      EXPECT_EQ(completion.samples[0].text, wanted);
      EXPECT_GT(completion.speculation->drafted_tokens, 0);
      EXPECT_TRUE(lookup > 0 || completion.speculation->acceptance_rate() > 0.9);
    }
  }
}

/// First-order bound of what rounding to 16 bits changes: in each of the 4 products of each layer, and the last one, weights
/// and rows are each off by u of themselves, so that about every one of them adds 2 u of the logits' size; gains from layer to
/// layer are near one in a trained model.
float rounding_bound(const Model& model, FloatType type, float largest_logit) {
  const float u = type == FloatType::kFloat16 ? 0x1p-11f : 0x1p-8f;
  return (4.0f * static_cast<float>(model.config.num_layers) + 1) * 2 * u * largest_logit;
}

// Where the two most likely tokens are further apart than twice the bound, 16 bits must choose the same one.
TEST(CudaGenerate, WeightsOf16BitsChooseTheSameTokens) {
  const std::unique_ptr<Backend> device = make_cuda_backend(0);
  const std::unique_ptr<Tokenizer> tokenizer = load_tokenizer(std::string(kBundledModel) + "/tokenizer.json");
  const std::string file = std::string(kBundledModel) + "/model.pt";
  const std::vector<Piece> text{{0, 0, tokenizer->encode("ROMEO:\nWhat say you, my lord? I am the king")}},
      next{{0, static_cast<std::int32_t>(text[0].tokens.size()), {4}}};
  const Model exact = load_model(file, *device);
  const std::vector<float> want = logits_of(exact, *device, text, next);
  const auto vocab = static_cast<std::size_t>(exact.config.vocab_size);
  float largest = 0;
  for (const float logit : want) largest = std::max(largest, std::fabs(logit));
  for (const Dtype dtype : {Dtype::kFloat16, Dtype::kBFloat16}) {
    const Model model = load_model(file, *device, dtype);
    ASSERT_EQ(model.config.weights, dtype == Dtype::kFloat16 ? FloatType::kFloat16 : FloatType::kBFloat16);
    EXPECT_LT(model.weight_bytes, exact.weight_bytes * 6 / 10);
    const std::vector<float> got = logits_of(model, *device, text, next);
    const float bound = rounding_bound(model, model.config.weights, largest);
    ASSERT_EQ(got.size(), want.size());
    std::int32_t clear = 0;
    float furthest = 0;
    for (std::size_t row = 0; row < want.size() / vocab; ++row) {
      std::vector<std::pair<float, std::size_t>> order;
      std::size_t best = 0;
      for (std::size_t i = 0; i < vocab; ++i) {
        furthest = std::max(furthest, std::fabs(got[row * vocab + i] - want[row * vocab + i]));
        order.emplace_back(-want[row * vocab + i], i);
        if (got[row * vocab + i] > got[row * vocab + best]) best = i;
      }
      std::partial_sort(order.begin(), order.begin() + 2, order.end());
      if (order[1].first - order[0].first <= 2 * bound) continue;
      ++clear;
      EXPECT_EQ(best, order[0].second) << "row " << row;
    }
    EXPECT_LE(furthest, bound);
    EXPECT_GT(furthest, 0) << "nothing was rounded";
    EXPECT_GE(clear, dtype == Dtype::kFloat16 ? 20 : 1) << "of " << want.size() / vocab << " rows";
  }
}

// Every architecture's kernels write rows of 16 bits: beside fp32 on the same weights, which have 16 bits themselves.
TEST(CudaGenerate, EveryArchitectureRunsIn16Bits) {
  const std::vector<Piece> prompts{{0, 0, {2, 39, 37, 30, 26, 36, 14}}, {1, 0, {5, 40}}, {2, 0, {4, 4, 30, 47}}};
  const std::vector<Piece> next{{0, 7, {4}}, {1, 2, {41, 11}}, {2, 4, {48}}};
  const std::unique_ptr<Backend> device = make_cuda_backend(0);
  for (ModelConfig config : {small_llama(), small_qwen2(), small_gpt2()}) {
    const MemorySource source = as_gguf(random_model(config));
    if (config.architecture == Architecture::kLlama) config.rotary.pairing = RopePairing::kInterleaved;
    const WeightNames& names = weight_names(WeightFormat::kGguf, config.architecture);
    const Model exact = load_model(source, config, names, *device);
    ASSERT_EQ(exact.config.weights, FloatType::kFloat32);
    const std::vector<float> want = logits_of(exact, *device, prompts, next);
    float largest = 1;
    for (const float logit : want) largest = std::max(largest, std::fabs(logit));
    for (const Dtype dtype : {Dtype::kFloat16, Dtype::kBFloat16}) {
      const Model model = load_model(source, config, names, *device, dtype);
      const std::vector<float> got = logits_of(model, *device, prompts, next);
      // Random weights are not trained ones: gains of up to two a layer.
      const float bound = 4 * rounding_bound(model, model.config.weights, largest);
      for (std::size_t i = 0; i < want.size(); ++i) {
        ASSERT_NEAR(got[i], want[i], bound) << architecture_name(config.architecture) << ": " << i;
      }
    }
  }
}

Completion generate_on(const std::string& device, float temperature, std::int32_t samples) {
  Generator generator = Generator::open(kBundledModel, {.device = device}).value();
  Request request;
  request.prompt = std::string("ROMEO:");
  request.num_samples = samples;
  request.sampling.temperature = temperature;
  request.sampling.seed = 7;
  request.length.max_tokens = 24;
  return generator.generate(request).value();
}

TEST(CudaGenerate, GreedyTextIsThatOfTheCpu) {
  const Completion want = generate_on("cpu", 0, 1), got = generate_on("cuda", 0, 1);
  EXPECT_EQ(got.samples[0].text, want.samples[0].text);
  EXPECT_NEAR(got.samples[0].sum_logprob, want.samples[0].sum_logprob, 24 * 1e-4);
}

// Logits differ in their last bits, so this could fail where a draw falls between them: about 3 samples x 24 tokens x
// 1e-6 of mass. The seed is one where it does not.
TEST(CudaGenerate, SampledTextIsThatOfTheCpu) {
  const Completion want = generate_on("cpu", 1, 3), got = generate_on("cuda:0", 1, 3);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(got.samples[i].tokens, want.samples[i].tokens) << i;
}

// Sums of 16 log-probabilities, each off by as much as its logits: hypotheses that are further apart keep their order.
TEST(CudaGenerate, BeamSearchFindsWhatItFindsOnTheCpu) {
  const auto found_on = [](const std::string& device) {
    Generator generator = Generator::open(kBundledModel, {.device = device, .max_rows = 6}).value();
    Request searching;
    searching.prompt = std::string("ROMEO:\nI am");
    searching.length.max_tokens = 16;
    searching.sampling.repetition_penalty = 1.1f;
    searching.control.prefix = " ";
    searching.stop.strings = {"th"};
    searching.beam = BeamOptions{.width = 4, .num_return = 2};
    Request drawing;
    drawing.prompt = std::string("JULIET:");
    drawing.sampling.temperature = 0;
    drawing.length.max_tokens = 6;
    const RequestId search = generator.submit(searching).value(), draw = generator.submit(drawing).value();
    generator.drain().value();
    std::vector<Sample> samples = generator.take(search).value().samples;
    samples.push_back(generator.take(draw).value().samples.at(0));
    return samples;
  };
  const std::vector<Sample> want = found_on("cpu"), got = found_on("cuda");
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < want.size(); ++i) {
    EXPECT_EQ(got[i].tokens, want[i].tokens) << i;
    EXPECT_EQ(got[i].text, want[i].text) << i;
    ASSERT_EQ(got[i].beam.has_value(), want[i].beam.has_value());
    if (!want[i].beam) continue;
    EXPECT_NEAR(got[i].beam->sum, want[i].beam->sum, 16 * 2e-4) << i;
  }
}

}  // namespace
}  // namespace fllm::test
