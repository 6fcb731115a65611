// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <iostream>
#include <random>
#include <vector>

#include "cuda/backend/cuda_backend.h"
#include "fundamentallm/generator.h"

// The fixed work whose launches scripts/kernel_budget counts: one sampler launch per case, in the order of its table, on
// one row of kVocab normal logits; then two greedy generations whose difference is one step.
namespace fllm {
namespace {

constexpr std::int32_t kVocab = 32768;

void sample_cases(Backend& backend) {
  std::vector<float> logits(kVocab);
  std::mt19937 generator(1);
  std::normal_distribution<float> normal;
  for (float& logit : logits) logit = normal(generator);
  std::vector<RowSampling> rows(4);
  rows[0].temperature = 0;
  rows[2].top_k = rows[3].top_k = 50;
  rows[3].top_k = 0;
  rows[2].top_p_on = rows[3].top_p_on = 1;
  rows[2].top_p = rows[3].top_p = 0xe6666666u;

  DeviceArray<float> device_logits(backend, kVocab);
  DeviceArray<RowSampling> sampling(backend, 1);
  DeviceArray<std::int32_t> token(backend, 1);
  const std::int64_t scratch_elements = backend.sample_scratch_elements(kVocab, 0);
  DeviceArray<float> scratch(backend, static_cast<std::size_t>(scratch_elements));
  device_logits.upload(logits);
  for (const RowSampling& row : rows) {
    sampling.upload({&row, 1});
    SampleParams params;
    params.logits = device_logits.data();
    params.stride = kVocab;
    params.rows = 1;
    params.vocab = kVocab;
    params.sampling = sampling.data();
    params.tokens = token.data();
    params.scratch = scratch_elements > 0 ? scratch.data() : nullptr;
    params.scratch_stride = scratch_elements;
    backend.sample(LogitType::kFloat32, params);
  }
  backend.synchronize();
}

void generate(std::int32_t tokens) {
  Generator generator = Generator::open("apps/models/shakespeare", {.device = "cuda:0"}).value();
  Request request;
  request.prompt = "ROMEO:";
  request.sampling.temperature = 0;
  request.length.max_tokens = tokens;
  (void)generator.generate(request).value();
}

}  // namespace
}  // namespace fllm

int main() {
  try {
    fllm::sample_cases(*fllm::make_cuda_backend(0));
    fllm::generate(3);
    fllm::generate(4);
  } catch (const std::exception& error) {
    std::cerr << "kernel_budget_work: " << error.what() << '\n';
    return 1;
  }
}
