// SPDX-License-Identifier: Apache-2.0
#include "tests/support/draft_batch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/support/guarded_array.h"
#include "tests/support/sample_suite.h"

namespace fllm::test {
namespace {

std::size_t slot(std::int64_t index) { return static_cast<std::size_t>(index); }

BatchLayout draft_layout(std::int32_t vocab, bool inject, bool filtered) {
  return {.vocab = vocab,
          .base_offset = 1,
          .stride_gap = 3,
          .inject_uniforms = inject,
          .history_capacity = filtered ? kDraftHistory : -1};
}

/// Does more work while the arrays of a launch are still there.
class DuringSample final : public ForwardingBackend {
 public:
  DuringSample(Backend& backend, std::function<void(const SampleParams&)> then)
      : ForwardingBackend(backend), then_(std::move(then)) {}
  void sample(LogitType type, const SampleParams& params) override {
    backend().sample(type, params);
    then_(params);
  }

 private:
  std::function<void(const SampleParams&)> then_;
};

/// What is asked of the rows of a launch beside their draws.
struct SupportArrays {
  SupportArrays(Backend& backend, const std::vector<std::int32_t>& proposed, bool want_details)
      : ids(backend, proposed.size()),
        supports(backend, proposed.size()),
        details(backend, want_details ? proposed.size() : 0) {
    ids.upload(proposed);
  }
  void ask(SampleParams& params) const {
    params.proposed_ids = ids.data();
    params.supports = supports.data();
    params.proposed_details = details.size() > 0 ? details.data() : nullptr;
    if (details.size() == 0) params.details = nullptr;
  }

  GuardedArray<std::int32_t> ids;
  GuardedArray<RowSupport> supports;
  GuardedArray<SampleDetail> details;
};

/// The detail of an id in its row, as the oracle has it.
void expect_detail(const SampleDetail& got, const SampleParams& params, std::int32_t row, std::int32_t id) {
  const OracleDistribution want = oracle_distribution(LogitType::kFloat32, params, row);
  const auto rank = std::find(want.order.begin(), want.order.end(), id) - want.order.begin();
  const bool inside = id >= 0 && id < params.vocab, empty = want.kept_count == 0;
  EXPECT_EQ(got.kept_count, want.kept_count);
  EXPECT_EQ(got.kept_mass, want.kept_mass);
  EXPECT_EQ(got.rank, inside ? static_cast<std::int32_t>(rank) : params.vocab);
  const long double raw = inside && !empty ? oracle_raw_logprob(want, id) : -INFINITY,
                    processed = inside && !empty ? oracle_processed_logprob(want, id) : -INFINITY,
                    offset = empty ? 0 : std::log(static_cast<long double>(want.kept_mass) * 0x1p-40L);
  EXPECT_TRUE(close_logprob(got.raw_logprob, raw, 0)) << "raw log-probability";
  EXPECT_TRUE(close_logprob(got.processed_logprob, processed, offset)) << "processed log-probability";
}

}  // namespace

DraftBatch::DraftBatch(std::int32_t vocab, bool inject, bool filtered)
    : inject_(inject), target_(draft_layout(vocab, inject, filtered)), draft_(draft_layout(vocab, inject, filtered)) {}

void DraftBatch::add(const DraftedSequence& sequence) {
  DraftRow row;
  row.first_logit_row = target_.rows();
  row.draft_count =
      sequence.claimed_count != -1 ? sequence.claimed_count : static_cast<std::int32_t>(sequence.drafts.size());
  row.first_draft_row = sequence.draft.empty() ? -1 : draft_.rows();
  row.coupled = sequence.coupled ? 1 : 0;
  rows_.push_back(row);
  for (const LogitRow& logits : sequence.target) target_.add(logits.logits, logits.parameters);
  for (std::size_t i = 0; i < sequence.draft.size(); ++i) {
    draft_.add(sequence.draft[i].logits, sequence.draft[i].parameters);
    proposals_.push_back(sequence.drafts[i].proposal);
  }
  for (const DraftCase& draft : sequence.drafts) {
    ids_.push_back(draft.id);
    weighed_.push_back(draft.proposed ? draft.id : draft.id - 1);
    acceptance_.push_back(draft.acceptance_uniform);
    residual_.push_back(draft.residual_uniform);
  }
  ids_.push_back(-1);  // of the last row: read by nobody
  weighed_.push_back(-1);
  acceptance_.push_back(0);
  residual_.push_back(0);
}

DraftLaunch DraftBatch::launch() const {
  DraftLaunch launch{target_.host_params(), draft_.host_params(), ids_, weighed_, proposals_, rows_, {}, {}};
  if (inject_) {
    launch.acceptance_uniforms = acceptance_;
    launch.residual_uniforms = residual_;
  }
  return launch;
}

DraftOutput run_drafts(Backend& backend, const DraftBatch& batch, bool want_details) {
  const bool injected = !batch.launch().acceptance_uniforms.empty();
  const std::size_t rows = slot(batch.sequences());
  SupportArrays target(backend, batch.weighed(), want_details), draft(backend, batch.proposals(), false);
  GuardedArray<std::int32_t> ids(backend, batch.ids().size());
  ids.upload(batch.ids());
  GuardedArray<DraftRow> draft_rows(backend, rows);
  draft_rows.upload(batch.rows());
  GuardedArray<std::uint64_t> acceptance(backend, batch.ids().size()), residual(backend, batch.ids().size());
  acceptance.upload(batch.acceptance_uniforms());
  residual.upload(batch.residual_uniforms());
  const std::int64_t stride = backend.resolve_scratch_elements(batch.target().layout().vocab, 0);
  const GuardedArray<float> scratch(backend, rows * slot(stride));
  const GuardedArray<std::int32_t> accepted(backend, rows), tokens(backend, rows);
  const GuardedArray<SampleDetail> details(backend, want_details ? rows : 0);

  ResolveDraftsParams params;
  params.draft_ids = ids.data();
  params.rows = draft_rows.data();
  params.row_count = batch.sequences();
  params.acceptance_uniforms = injected ? acceptance.data() : nullptr;
  params.residual_uniforms = injected ? residual.data() : nullptr;
  params.scratch = stride > 0 ? scratch.data() : nullptr;
  params.scratch_stride = stride;
  params.accepted_counts = accepted.data();
  params.tokens = tokens.data();
  params.details = want_details ? details.data() : nullptr;

  const auto resolve = [&](const SampleParams& launched) {
    params.target = launched;
    backend.resolve_drafts(LogitType::kFloat32, params);
  };
  const auto verify = [&](const SampleParams& launched) {
    params.draft = launched;
    DuringSample then(backend, resolve);
    (void)run_batch(then, batch.target(), [&](SampleParams& p) { target.ask(p); });
  };
  if (batch.draft().rows() > 0) {
    DuringSample then(backend, verify);
    (void)run_batch(then, batch.draft(), [&](SampleParams& p) { draft.ask(p); });
  } else {
    verify({});
  }
  (void)scratch.download("scratch");
  (void)draft.supports.download("draft supports");
  return {accepted.download("accepted counts"), tokens.download("tokens"), details.download("details"),
          target.supports.download("supports"), target.details.download("proposed details")};
}

void expect_draft_oracle(Backend& backend, const DraftBatch& batch, bool want_details) {
  const DraftOutput got = run_drafts(backend, batch, want_details);
  const DraftLaunch launch = batch.launch();
  for (std::int32_t sequence = 0; sequence < batch.sequences(); ++sequence) {
    const DraftRow& row = batch.row(sequence);
    const OracleResolution want = oracle_resolve(launch, sequence);
    SCOPED_TRACE("sequence " + std::to_string(sequence) + " with " + std::to_string(row.draft_count) + " drafts" +
                 (row.coupled != 0 ? ", coupled" : "") + "; " + batch.target().describe(want.logit_row));
    EXPECT_EQ(got.accepted_counts[slot(sequence)], want.accepted_count);
    EXPECT_EQ(got.tokens[slot(sequence)], want.token);
    const OracleDistribution last = oracle_distribution(LogitType::kFloat32, launch.target, want.logit_row);
    if (want_details && last.kept_count > 0) {
      expect_detail(got.details[slot(sequence)], launch.target, want.logit_row, want.token);
    }
    const std::int32_t next =
        sequence + 1 < batch.sequences() ? batch.row(sequence + 1).first_logit_row : launch.target.rows;
    for (std::int32_t i = 0; row.first_logit_row + i < next; ++i) {
      const std::int32_t index = row.first_logit_row + i, id = batch.weighed()[slot(index)];
      SCOPED_TRACE("logit row " + std::to_string(i) + ", proposed id " + std::to_string(id));
      const OracleMasses masses = oracle_masses(oracle_distribution(LogitType::kFloat32, launch.target, index),
                                                launch.target.sampling[index].fallback_id);
      const RowSupport& support = got.target_supports[slot(index)];
      const bool inside = id >= 0 && id < launch.target.vocab;
      EXPECT_EQ(support.proposed_id, inside ? id : -1);
      // As fractions: one id alone may have any total.
      const std::uint64_t mass = inside ? masses.mass[slot(id)] : 0;
      EXPECT_TRUE(Natural{support.proposed_mass} * masses.total == Natural{mass} * support.kept_mass);
      if (want_details) expect_detail(got.proposed_details[slot(index)], launch.target, index, id);
      if (::testing::Test::HasFailure()) return;
    }
  }
}

}  // namespace fllm::test
