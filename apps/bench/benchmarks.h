// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

namespace fllm::bench {

struct SamplerBench {
  int rows = 1;
  int vocab = 128256;  // at least 500
  int threads = 1;
  int runs = 21;
};

/// A batch of binary32 rows, normal logits of a fixed seed, through each filter. Prints one JSON object a case:
/// {"what", "backend", "seconds", "median_seconds", "median_cpu_seconds"}.
void bench_sampler(const SamplerBench& options);

struct GenerateBench {
  std::string model;
  int rows = 1;
  int tokens = 200;  // new ones, of each row
  int threads = 1;
  int runs = 5;
};

/// Whole generation with the sampler's defaults at temperature 1; a line with "seconds", "median_seconds" and "tokens_per_second".
void bench_generate(const GenerateBench& options);

struct BeamBench {
  std::string model;
  int width = 5;
  int tokens = 200;  // of every hypothesis
  int threads = 1;
  int runs = 5;
};

/// A beam search with a whole model, to its longest length; a line with "seconds", "median_seconds" and "median_cpu_seconds".
void bench_beams(const BeamBench& options);

struct BeamStepBench {
  int width = 8;
  int vocab = 128256;
  int threads = 1;
  int runs = 21;
};

/// A search's step without the model, its three launches over normal logits of a fixed seed; the same line.
void bench_beam_step(const BeamStepBench& options);

/// The same generation; a line each for steps that wait for the host and for the device's loop: "step_cpu_seconds",
/// "host_seconds" of a step outside the backend's operations, and "host_share", which with one thread is their ratio.
void bench_overhead(const GenerateBench& options);

struct ModelBench {
  std::string model;  // with a context of 513 tokens or more, and ids to 1,000
  int threads = 1;
  int runs = 3;
};

/// Whole generation with any model, without the prefix cache, the best of the runs: steps of one row, a prompt of 512 tokens
/// with its first token, 32 prompts with 64 tokens each, as lines with "what" and "rows_per_second"; and what that prompt
/// with the first tokens of eight samples takes "over_one".
void bench_model(const ModelBench& options);

struct ProductBench {
  int rows = 128;  // of one prompt
  int out = 512;
  int in = 128;
  int threads = 1;
  int runs = 21;
};

/// The matrix product of the CPU alone, y = x W^T; a line with "seconds" and "median_seconds".
void bench_product(const ProductBench& options);

struct SpeculationBench {
  std::string model;
  std::string draft;  // empty: prompt look-up
  int tokens = 200;
  int runs = 7;
  std::optional<float> temperature = {};  // none: the usual one; of a look-up 0, on a text that repeats
};

/// Generation of one row by one thread without drafts, with 4 a step by either rule, and with as many as pay; turn by turn, by the
/// processor's time, the best of the runs: lines with "what", "tokens_per_second", "acceptance_rate" and "tokens_per_step".
void bench_speculation(const SpeculationBench& options);

struct QuantizedBench {
  int rows = 1;
  bool prompt = false;  // one of `rows` tokens, whose head takes the last row alone
  int threads = 1;
  int runs = 21;
};

/// All products of one step of SmolLM2-135M, its Q4_1 file's formats, random weights; a line with "bytes" of the weights,
/// "seconds", "median_seconds", "rows_per_second", and "reading_seconds": of the same threads reading as many bytes.
void bench_quantized(const QuantizedBench& options);

struct ConstraintBench {
  std::string model;       // whose vocabulary it is
  std::string cases;       // a file as scripts/peers/constraint_cases.json
  std::string vocabulary;  // a file to write it to, for the peers
  int runs = 21;
};

/// Constraints and a text of each, on one thread; a line each with the processor's time: "compile_seconds" without the trie of the
/// vocabulary, "first_text_seconds" with the masks of a text too, "step_seconds" of a mask and a token when they are known.
void bench_constraints(const ConstraintBench& options);

}  // namespace fllm::bench
