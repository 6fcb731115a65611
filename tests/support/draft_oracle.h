// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "cuda/kernels/draft_params.h"
#include "tests/support/natural.h"
#include "tests/support/sample_oracle.h"

// A plain restatement of docs/sampling.md, "Drafts": whole rows, whole numbers of any size.
namespace fllm::test {

/// What a distribution says of every id: mass / total. One without a support has all of its mass on the fallback.
struct OracleMasses {
  std::vector<std::uint64_t> mass;  // [vocab]
  std::uint64_t total = 0;
};
[[nodiscard]] OracleMasses oracle_masses(const OracleDistribution& row, std::int32_t fallback_id);
/// All of it on one id; outside the vocabulary, which no id of the row is then.
[[nodiscard]] OracleMasses one_id(std::int32_t id, std::int32_t vocab);

/// Whether u * q < p, u = uniform / 2^64. An id outside the vocabulary has no p.
[[nodiscard]] bool oracle_accepts(const OracleMasses& p, const OracleMasses& q, std::int32_t id, std::uint64_t uniform);
/// The first uniform that is not accepted; nothing when all are.
[[nodiscard]] std::optional<std::uint64_t> first_refused(const OracleMasses& p, const OracleMasses& q, std::int32_t id);

/// max(p - q, 0) of every id times both totals, and their sum.
struct OracleResidual {
  std::vector<Natural> weight;  // [vocab]
  Natural total;
};
[[nodiscard]] OracleResidual oracle_residual(const OracleMasses& p, const OracleMasses& q);
/// The id that 64 bits draw. Precondition: the total is not 0.
[[nodiscard]] std::int32_t oracle_residual_draw(const OracleResidual& residual, std::uint64_t uniform);
/// The first and the last uniform that draw an id; nothing when none does.
[[nodiscard]] std::optional<UniformRange> uniforms_drawing(const OracleResidual& residual, std::int32_t id);

/// A launch of ResolveDrafts in host memory.
struct DraftLaunch {
  SampleParams target;  // inputs alone
  SampleParams draft;
  std::span<const std::int32_t> draft_ids;                  // [target.rows]
  std::span<const std::int32_t> weighed;                    // [target.rows] what is proposed to each
  std::span<const std::int32_t> proposals;                  // [draft.rows] what each row proposes
  std::span<const DraftRow> rows;                           // [sequences]
  std::span<const std::uint64_t> acceptance_uniforms = {};  // [target.rows]; empty: the streams'
  std::span<const std::uint64_t> residual_uniforms = {};
};

struct OracleResolution {
  std::int32_t accepted_count = 0;
  std::int32_t token = 0;
  std::int32_t logit_row = 0;  // that the token comes from
};
[[nodiscard]] OracleResolution oracle_resolve(const DraftLaunch& launch, std::int32_t sequence);
/// What draft i of a sequence was drawn from.
[[nodiscard]] OracleMasses oracle_draft_masses(const DraftLaunch& launch, const DraftRow& row, std::int32_t i);

}  // namespace fllm::test
