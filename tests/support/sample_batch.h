// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "cuda/backend/backend.h"
#include "tests/support/filter_tables.h"
#include "tests/support/sample_oracle.h"

namespace fllm::test {

/// One row's parameters with its own side tables.
struct RowCase {
  RowSampling sampling{};
  std::vector<std::int32_t> bans{};
  std::vector<std::int32_t> end_ids{};
  std::vector<BiasEntry> bias{};
  std::vector<CountEntry> counts{};
  std::vector<std::uint32_t> mask{};  // empty: everything is allowed
  FilterCase filters{};               // read when the batch has them
  std::uint64_t uniform = 0;          // read when the batch injects uniforms
};

struct BatchLayout {
  LogitType type = LogitType::kFloat32;
  std::int32_t vocab = 1;
  std::int32_t base_offset = 0;  // elements between a 64-byte boundary and row 0
  std::int32_t stride_gap = 0;   // stride - vocab
  bool inject_uniforms = true;
  bool want_status = true;
  bool want_details = true;
  bool want_probabilities = false;
  std::int32_t top_count = 0;
  std::int32_t history_capacity = -1;  // of the further filters; < 0: there are none
  bool advance = false;
};

/// A launch of the sampler in host memory. What lies before, between and behind the rows is NaN.
class SampleBatch {
 public:
  explicit SampleBatch(const BatchLayout& layout);

  /// logits: [vocab], rounded to the batch's type.
  void add(std::span<const float> logits, const RowCase& row);
  /// The same launch with its rows in another order.
  [[nodiscard]] SampleBatch permuted(std::span<const std::int32_t> order) const;

  [[nodiscard]] const BatchLayout& layout() const { return layout_; }
  [[nodiscard]] std::int32_t rows() const { return static_cast<std::int32_t>(sampling_.size()); }
  [[nodiscard]] std::int64_t stride() const { return std::int64_t{layout_.vocab} + layout_.stride_gap; }
  [[nodiscard]] std::int64_t probabilities_stride() const { return layout_.vocab + 3; }
  [[nodiscard]] const std::vector<unsigned char>& logit_bytes() const { return logits_; }
  [[nodiscard]] std::size_t base_bytes() const;
  /// Inputs in host memory; outputs null.
  [[nodiscard]] SampleParams host_params() const;
  [[nodiscard]] OracleRow oracle(std::int32_t row) const { return oracle_row(layout_.type, host_params(), row); }
  /// Precondition: the layout has further filters.
  [[nodiscard]] const FilterTables& filters() const { return filters_; }
  /// The row's parameters, for a failure's message.
  [[nodiscard]] std::string describe(std::int32_t row) const;

 private:
  BatchLayout layout_;
  std::size_t element_bytes_;
  std::vector<unsigned char> logits_;
  std::vector<RowSampling> sampling_;
  std::vector<RowCase> cases_;
  std::vector<std::uint32_t> masks_;
  std::vector<std::int32_t> ban_ids_;
  std::vector<BiasEntry> bias_;
  std::vector<CountEntry> counts_;
  std::vector<std::uint64_t> uniforms_;
  FilterTables filters_;
};

struct SampleOutput {
  std::vector<std::int32_t> tokens;   // [rows]
  std::vector<std::uint32_t> status;  // [rows], or empty
  std::vector<SampleDetail> details;  // [rows], or empty
  std::vector<TopEntry> top;          // [rows, top_count]
  std::vector<float> probabilities;   // [rows, probabilities_stride], or empty
  SequenceState state;                // or empty
};

/// A last change to the parameters of a launch, all of whose pointers are a backend's.
using Adjust = std::function<void(SampleParams&)>;

/// Runs the batch and checks the sentinels of every output.
[[nodiscard]] SampleOutput run_batch(Backend& backend, const SampleBatch& batch, const Adjust& adjust = {});

/// Runs the batch and holds every output of every row to the oracle. Ids, status, ranks, kept sets and masses must be
/// equal; log-probabilities within the error of log_mass and of the roundings around it.
void expect_oracle(Backend& backend, const SampleBatch& batch, const Adjust& adjust = {});

/// A row's raw log-probability is one rounded difference, log_mass (2e-7 and half an ulp of its result) and the rounding
/// of their difference; a processed one is the difference of two log_mass, of results up to |value| + |offset|.
[[nodiscard]] ::testing::AssertionResult close_logprob(float got, long double want, long double offset);

/// All outputs of two rows are the same bits.
[[nodiscard]] bool same_row(const SampleBatch& batch, const SampleOutput& a, std::int32_t a_row, const SampleOutput& b,
                            std::int32_t b_row);

}  // namespace fllm::test
