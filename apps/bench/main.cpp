// SPDX-License-Identifier: Apache-2.0
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "apps/bench/benchmarks.h"

namespace {

constexpr const char* kUsage =
    "usage: fundamentallm-bench sampler ROWS VOCAB THREADS RUNS\n"
    "       fundamentallm-bench generate MODEL ROWS TOKENS THREADS RUNS\n"
    "       fundamentallm-bench overhead MODEL ROWS TOKENS THREADS RUNS\n"
    "       fundamentallm-bench beams MODEL WIDTH TOKENS THREADS RUNS\n"
    "       fundamentallm-bench beam-step WIDTH VOCAB THREADS RUNS\n"
    "       fundamentallm-bench speculation MODEL DRAFT|- TOKENS RUNS [TEMPERATURE]\n"
    "       fundamentallm-bench model MODEL THREADS RUNS\n"
    "       fundamentallm-bench product ROWS OUT IN THREADS RUNS\n"
    "       fundamentallm-bench constraints MODEL CASES VOCABULARY RUNS\n"
    "       fundamentallm-bench quantized batch|prompt ROWS THREADS RUNS\n";

int run(const std::vector<std::string>& words) {
  if (words.size() == 5 && words[0] == "sampler") {
    fllm::bench::bench_sampler({.rows = std::stoi(words[1]),
                                .vocab = std::stoi(words[2]),
                                .threads = std::stoi(words[3]),
                                .runs = std::stoi(words[4])});
    return 0;
  }
  if (words.size() == 6 && (words[0] == "generate" || words[0] == "overhead")) {
    const fllm::bench::GenerateBench options{.model = words[1],
                                             .rows = std::stoi(words[2]),
                                             .tokens = std::stoi(words[3]),
                                             .threads = std::stoi(words[4]),
                                             .runs = std::stoi(words[5])};
    words[0] == "generate" ? fllm::bench::bench_generate(options) : fllm::bench::bench_overhead(options);
    return 0;
  }
  if (words.size() == 6 && words[0] == "beams") {
    fllm::bench::bench_beams({.model = words[1],
                              .width = std::stoi(words[2]),
                              .tokens = std::stoi(words[3]),
                              .threads = std::stoi(words[4]),
                              .runs = std::stoi(words[5])});
    return 0;
  }
  if (words.size() == 5 && words[0] == "beam-step") {
    fllm::bench::bench_beam_step({.width = std::stoi(words[1]),
                                  .vocab = std::stoi(words[2]),
                                  .threads = std::stoi(words[3]),
                                  .runs = std::stoi(words[4])});
    return 0;
  }
  if ((words.size() == 5 || words.size() == 6) && words[0] == "speculation") {
    fllm::bench::SpeculationBench options{.model = words[1],
                                          .draft = words[2] == "-" ? "" : words[2],
                                          .tokens = std::stoi(words[3]),
                                          .runs = std::stoi(words[4])};
    if (words.size() == 6) options.temperature = std::stof(words[5]);
    fllm::bench::bench_speculation(options);
    return 0;
  }
  if (words.size() == 4 && words[0] == "model") {
    fllm::bench::bench_model({.model = words[1], .threads = std::stoi(words[2]), .runs = std::stoi(words[3])});
    return 0;
  }
  if (words.size() == 6 && words[0] == "product") {
    fllm::bench::bench_product({.rows = std::stoi(words[1]),
                                .out = std::stoi(words[2]),
                                .in = std::stoi(words[3]),
                                .threads = std::stoi(words[4]),
                                .runs = std::stoi(words[5])});
    return 0;
  }
  if (words.size() == 5 && words[0] == "quantized" && (words[1] == "batch" || words[1] == "prompt")) {
    fllm::bench::bench_quantized({.rows = std::stoi(words[2]),
                                  .prompt = words[1] == "prompt",
                                  .threads = std::stoi(words[3]),
                                  .runs = std::stoi(words[4])});
    return 0;
  }
  if (words.size() == 5 && words[0] == "constraints") {
    fllm::bench::bench_constraints(
        {.model = words[1], .cases = words[2], .vocabulary = words[3], .runs = std::stoi(words[4])});
    return 0;
  }
  std::cerr << kUsage;
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::cerr << "fundamentallm-bench: " << error.what() << '\n';
    return 1;
  }
}
