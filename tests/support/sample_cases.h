// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tests/support/random_values.h"
#include "tests/support/sample_batch.h"

// Rows and parameters chosen to break a sampler. Everything is a function of the seed.
namespace fllm::test {

/// A family of logit rows.
struct LogitShape {
  const char* name;
  std::vector<float> (*make)(std::int32_t vocab, Random& random);
};
[[nodiscard]] std::span<const LogitShape> logit_shapes();

/// min_p and top_p as the sampler takes them.
void set_min_p(RowSampling& sampling, double min_p);
void set_top_p(RowSampling& sampling, double top_p);

/// Every combination of the filters' interesting values for this vocabulary; temperatures and uniforms take turns.
[[nodiscard]] std::vector<RowCase> filter_grid(std::int32_t vocab, Random& random);

/// Temperature, filters and uniform, each drawn from its interesting values or from a continuum.
[[nodiscard]] RowCase random_case(std::int32_t vocab, Random& random);
/// Adds masks, bans, end ids, biases (some of which create ties) and penalties.
void add_random_edits(RowCase& row, std::span<const float> logits, Random& random);

/// A size of the vocabulary: small, middling and large by turns, at most `most`, which is at least 600.
[[nodiscard]] std::int32_t mixed_vocab(std::int32_t turn, std::int32_t most, Random& random);
/// A launch whose rows differ in shape, parameters and edits.
[[nodiscard]] SampleBatch mixed_batch(const BatchLayout& layout, std::int32_t rows, Random& random);

}  // namespace fllm::test
