// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/support/draft_oracle.h"
#include "tests/support/forwarding_backend.h"
#include "tests/support/sample_batch.h"

namespace fllm::test {

/// One logit row, of the target or of the draft.
struct LogitRow {
  std::vector<float> logits;
  RowCase parameters;
};

/// A draft, and the row it is compared with.
struct DraftCase {
  std::int32_t id = 0;
  std::int32_t proposal = 0;  // of its draft row; another id: it counts as chosen
  std::uint64_t acceptance_uniform = 0;
  std::uint64_t residual_uniform = 0;
  bool proposed = true;  // to the target's row; otherwise another id was
};

/// One sequence: as many draft rows as drafts (or none), a target row more.
struct DraftedSequence {
  std::vector<LogitRow> target;
  std::vector<LogitRow> draft;  // empty: the drafts were chosen
  std::vector<DraftCase> drafts;
  bool coupled = false;
  std::int32_t claimed_count = -1;  // what the launch is told of the number of drafts; -1: how many there are
};

constexpr std::int32_t kDraftHistory = 40;  // tokens of a row's sequence, for the filters that look at it

/// A launch of the target, one of the draft, and what joins them, in host memory.
class DraftBatch {
 public:
  /// inject: the uniforms of DraftCase and RowCase are read in place of the streams.
  /// filtered: rows have further filters.
  DraftBatch(std::int32_t vocab, bool inject, bool filtered = false);

  void add(const DraftedSequence& sequence);

  [[nodiscard]] const SampleBatch& target() const { return target_; }
  [[nodiscard]] const SampleBatch& draft() const { return draft_; }
  [[nodiscard]] std::int32_t sequences() const { return static_cast<std::int32_t>(rows_.size()); }
  [[nodiscard]] const DraftRow& row(std::int32_t sequence) const { return rows_[static_cast<std::size_t>(sequence)]; }
  [[nodiscard]] const std::vector<DraftRow>& rows() const { return rows_; }
  [[nodiscard]] const std::vector<std::int32_t>& ids() const { return ids_; }
  [[nodiscard]] const std::vector<std::int32_t>& proposals() const { return proposals_; }
  [[nodiscard]] const std::vector<std::int32_t>& weighed() const { return weighed_; }
  [[nodiscard]] const std::vector<std::uint64_t>& acceptance_uniforms() const { return acceptance_; }
  [[nodiscard]] const std::vector<std::uint64_t>& residual_uniforms() const { return residual_; }
  [[nodiscard]] DraftLaunch launch() const;

 private:
  bool inject_;
  SampleBatch target_, draft_;
  std::vector<DraftRow> rows_;
  std::vector<std::int32_t> ids_;        // [target rows]
  std::vector<std::int32_t> weighed_;    // [target rows] what is proposed to them
  std::vector<std::int32_t> proposals_;  // [draft rows]
  std::vector<std::uint64_t> acceptance_, residual_;
};

struct DraftOutput {
  std::vector<std::int32_t> accepted_counts, tokens;  // [sequences]
  std::vector<SampleDetail> details;                  // [sequences], or empty
  std::vector<RowSupport> target_supports;            // [target rows]
  std::vector<SampleDetail> proposed_details;         // [target rows], or empty
};

/// Runs the three launches and checks the sentinels of every output.
[[nodiscard]] DraftOutput run_drafts(Backend& backend, const DraftBatch& batch, bool want_details = true);
/// The same, and holds every output to the oracle.
void expect_draft_oracle(Backend& backend, const DraftBatch& batch, bool want_details = true);

}  // namespace fllm::test
