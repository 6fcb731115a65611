// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "cuda/kernels/sample_params.h"

// The section "Further filters" of docs/sampling.md, restated plainly: one function a filter, over lists of ids in the total
// order. All pointers of params are host pointers.
namespace fllm::test {

using OracleIds = std::vector<std::int32_t>;

/// Bad words and n-grams: forbids in logits, [vocab].
void oracle_forbid_sequences(const SampleParams& params, std::int32_t row, std::vector<float>& logits);
/// DRY: lowers in logits, [vocab].
void oracle_dry(const SampleParams& params, std::int32_t row, std::vector<float>& logits);

/// A row's ids that are still kept, and what a filter may ask about them.
struct OracleKept {
  const std::vector<float>& edited;        // [vocab]
  const std::vector<std::uint64_t>& mass;  // [vocab] of every id
  float maximum;
  float temperature;
  OracleIds ids;  // in the total order, not empty

  [[nodiscard]] std::uint64_t total() const;
};

void oracle_top_n_sigma(const RowFilters& filters, OracleKept& kept);
void oracle_typical_p(const RowFilters& filters, OracleKept& kept);
/// bits: U'.
void oracle_xtc(const RowFilters& filters, std::uint64_t bits, OracleKept& kept);
void oracle_mirostat(const RowFilters& filters, float mu, OracleKept& kept);

/// mirostat's state before the row's draw. Read where tau > 0.
[[nodiscard]] float oracle_mu(const SampleParams& params, std::int32_t row);
/// The state after the draw of an id of this mass from kept_mass.
[[nodiscard]] float oracle_next_mu(const RowFilters& filters, float mu, std::uint64_t mass, std::uint64_t kept_mass);

}  // namespace fllm::test
