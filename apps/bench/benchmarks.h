// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace fllm::bench {

/// One 128,256-wide binary32 row on one core, standard normal logits of a fixed seed, through each filter. Prints one
/// JSON object per line: {"what", "shape", "seconds", "median_seconds"}.
void bench_sampler(int runs);

struct GenerateBench {
  std::string model;
  int rows = 1;
  int tokens = 200;  // new ones, of each row
  int threads = 1;
  int runs = 5;
};

/// Whole generation with the sampler's defaults at temperature 1; a line as above with "tokens_per_second".
void bench_generate(const GenerateBench& options);

struct ProductBench {
  int rows = 128;  // of one prompt
  int out = 512;
  int in = 128;
  int threads = 1;
  int runs = 21;
};

/// The matrix product of the CPU alone, y = x W^T; a line as above without "shape".
void bench_product(const ProductBench& options);

}  // namespace fllm::bench
