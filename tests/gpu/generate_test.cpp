// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>

#include "cuda/backend/cuda_backend.h"
#include "fundamentallm/generator.h"
#include "host/model/weight_names.h"
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

}  // namespace
}  // namespace fllm::test
