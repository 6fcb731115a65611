// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>

#include "tests/support/g_test.h"
#include "tests/support/sample_cases.h"
#include "tests/support/sample_suite.h"

namespace fllm::test {
namespace {

/// Rows of equal logits and parameters that differ in their random bits alone; one launch per block of draws.
class Drawer {
 public:
  Drawer(Backend& backend, std::vector<float> logits, const RowCase& parameters, std::int32_t rows)
      : backend_(backend),
        rows_(rows),
        parameters_(parameters),
        batch_({.vocab = static_cast<std::int32_t>(logits.size())}) {
    batch_.add(logits, parameters);
    const auto vocab = logits.size();
    std::vector<float> repeated;
    for (std::int32_t row = 0; row < rows; ++row) repeated.insert(repeated.end(), logits.begin(), logits.end());
    logits_ = DeviceArray<float>(backend, repeated.size());
    logits_.upload(repeated);
    sampling_ = DeviceArray<RowSampling>(backend, static_cast<std::size_t>(rows));
    tokens_ = DeviceArray<std::int32_t>(backend, static_cast<std::size_t>(rows));
    params_.logits = logits_.data();
    params_.stride = static_cast<std::int64_t>(vocab);
    params_.rows = rows;
    params_.vocab = static_cast<std::int32_t>(vocab);
    params_.sampling = sampling_.data();
    params_.tokens = tokens_.data();
    params_.scratch_stride = backend.sample_scratch_elements(params_.vocab, 0);
    if (params_.scratch_stride > 0) {
      scratch_ = DeviceArray<float>(backend, static_cast<std::size_t>(rows * params_.scratch_stride));
      params_.scratch = scratch_.data();
    }
  }

  [[nodiscard]] std::vector<double> probabilities() const {
    const OracleDistribution row = oracle_distribution(LogitType::kFloat32, batch_.host_params(), 0);
    std::vector<double> result;
    for (const std::uint64_t mass : row.mass)
      result.push_back(static_cast<double>(mass) / static_cast<double>(row.kept_mass));
    return result;
  }

  /// vary(sampling, i) sets what draw i takes its random bits from.
  [[nodiscard]] std::vector<std::int32_t> draw(std::int64_t first,
                                               const std::function<void(RowSampling&, std::int64_t)>& vary) {
    std::vector<RowSampling> sampling(static_cast<std::size_t>(rows_), parameters_.sampling);
    for (std::int32_t row = 0; row < rows_; ++row) vary(sampling[static_cast<std::size_t>(row)], first + row);
    sampling_.upload(sampling);
    backend_.sample(LogitType::kFloat32, params_);
    std::vector<std::int32_t> tokens(sampling.size());
    backend_.download(tokens.data(), tokens_.data(), tokens.size() * sizeof tokens[0]);
    backend_.synchronize();
    return tokens;
  }

 private:
  Backend& backend_;
  std::int32_t rows_;
  RowCase parameters_;
  SampleBatch batch_;
  SampleParams params_;
  DeviceArray<float> logits_;
  DeviceArray<RowSampling> sampling_;
  DeviceArray<std::int32_t> tokens_;
  DeviceArray<float> scratch_;
};

using Vary = std::function<void(RowSampling&, std::int64_t)>;

/// One cell per id; the draws' counters differ in what vary sets.
void check_single(Drawer& drawer, std::int64_t draws, std::int32_t rows, const Vary& vary, const std::string& what) {
  const std::vector<double> probabilities = drawer.probabilities();
  std::vector<std::uint64_t> counts(probabilities.size());
  for (std::int64_t first = 0; first < draws; first += rows) {
    for (const std::int32_t token : drawer.draw(first, vary)) ++counts.at(static_cast<std::size_t>(token));
  }
  expect_frequencies(counts, probabilities, what);
}

/// One cell per pair of ids: draws whose counters are neighbours must be independent.
void check_pairs(Drawer& drawer, std::int64_t draws, std::int32_t rows, const Vary& vary, const std::string& what) {
  const std::vector<double> single = drawer.probabilities();
  const std::size_t width = single.size();
  std::vector<double> probabilities;
  for (const double a : single) {
    for (const double b : single) probabilities.push_back(a * b);
  }
  std::vector<std::uint64_t> counts(probabilities.size());
  for (std::int64_t first = 0; first < draws; first += rows) {
    const std::vector<std::int32_t> tokens = drawer.draw(first, vary);
    for (std::size_t i = 0; i + 1 < tokens.size(); i += 2) {
      ++counts.at(static_cast<std::size_t>(tokens[i]) * width + static_cast<std::size_t>(tokens[i + 1]));
    }
  }
  expect_frequencies(counts, probabilities, what);
}

const Vary kByPosition = [](RowSampling& s, std::int64_t i) { s.random.position = static_cast<std::uint32_t>(i); };
const Vary kBySample = [](RowSampling& s, std::int64_t i) { s.random.sample = static_cast<std::uint32_t>(i); };
const Vary kBySeed = [](RowSampling& s, std::int64_t i) { s.seed = static_cast<std::uint64_t>(i) * 0x100000001u; };
const Vary kByStream = [](RowSampling& s, std::int64_t i) {
  s.random.position = static_cast<std::uint32_t>(i / 4);
  s.random.stream = static_cast<RandomStream>(i % 4);
};

}  // namespace

void run_distribution(Backend& backend, SuiteSize size) {
  const bool full = size == SuiteSize::kFull;
  const std::int64_t draws = full ? 1 << 20 : 1 << 12;
  const std::int32_t rows = full ? 1 << 13 : 1 << 9;
  const std::int32_t vocab = full ? 200 : 40;
  Random random(7);
  const std::span<const LogitShape> shapes = logit_shapes();
  const auto shape = [&](const std::string& name) {
    const auto found = std::find_if(shapes.begin(), shapes.end(), [&](const LogitShape& s) { return s.name == name; });
    return found->make(vocab, random);
  };
  RowCase neutral, top_k, top_p, all;
  top_k.sampling.top_k = 12;
  top_k.sampling.temperature = 1.5f;
  set_top_p(top_p.sampling, 0.8);
  all.sampling.temperature = 0.7f;
  all.sampling.top_k = 30;
  set_top_p(all.sampling, 0.9);
  set_min_p(all.sampling, 0.01);
  const struct {
    const char* name;
    const char* shape;
    RowCase parameters;
    Vary vary;
  } sets[] = {
      {"neutral, by position", "typical", neutral, kByPosition},
      {"neutral, by sample", "power_law", neutral, kBySample},
      {"flat, by seed", "all_equal", neutral, kBySeed},
      {"top-k, by position", "quantised", top_k, kByPosition},
      {"top-p, by seed", "typical", top_p, kBySeed},
      {"all filters, by position", "power_law", all, kByPosition},
  };
  for (const auto& set : sets) {
    Drawer drawer(backend, shape(set.shape), set.parameters, rows);
    check_single(drawer, draws, rows, set.vary, set.name);
  }
  Drawer small(backend, {0.0f, -0.3f, 0.5f, -2.0f, 0.1f, 0.0f, -1.0f, 1.0f}, neutral, rows);
  check_pairs(small, draws, rows, kByPosition, "pairs of positions");
  check_pairs(small, draws, rows, kBySample, "pairs of samples");
  check_pairs(small, draws, rows, kBySeed, "pairs of seeds");
  check_pairs(small, draws, rows, kByStream, "pairs of streams");
}

}  // namespace fllm::test
