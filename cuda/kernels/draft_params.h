// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "cuda/kernels/sample_params.h"

// What the verification of drafted tokens reads and writes (docs/sampling.md, "Drafts"). Plain data, laid out the same on
// host and device. Three launches, whatever the number of drafts: SampleRow over all logit rows, with supports and
// proposed_ids; ResolveDrafts; commit.
namespace fllm {

constexpr std::int32_t kMaxDraftTokens = 16;  // of a row

/// What the filters of a row kept, and what it takes to weigh any id again without selecting: optional output of SampleRow.
/// The mass of an id with edited logit v is that of MassFunction{maximum, scale}(v) within the stretch of the total order
/// from start to cut, both included, and 0 outside; with `only`, it is kept_mass for only_id and 0 for all others.
struct RowSupport {
  float maximum;      // m: largest edited logit
  float scale;        // s
  float start_value;  // +inf: the stretch begins with the order
  std::int32_t start_id;
  float cut_value;
  std::int32_t cut_id;
  Mass kept_mass;            // M > 0
  std::int32_t only;         // 1: one id is the result, whatever is drawn (greedy, +inf, nothing allowed)
  std::int32_t only_id;      // likewise; the fallback where nothing is allowed
  std::int32_t proposed_id;  // as asked for, or the token drawn; -1: there is none within the vocabulary
  std::int32_t kept_count;   // as in SampleDetail; where details are wanted
  Mass proposed_mass;        // of proposed_id; 0: it is not kept
  // Of the unedited logits at temperature 1, where details are wanted.
  float raw_maximum;
  float raw_log_total;           // ln(sum of masses / 2^40)
  std::int32_t raw_infinite_id;  // lowest id whose raw logit is +inf, or -1
  std::int32_t unused;
};
static_assert(sizeof(RowSupport) % sizeof(Mass) == 0);

/// One sequence's drafts d_1 .. d_N: logit row i, of N + 1, says what comes after d_i.
struct DraftRow {
  std::int32_t first_logit_row = 0;   // in [0, target.rows)
  std::int32_t draft_count = 0;       // N in [0, kMaxDraftTokens]; cut to that and the logit rows there are
  std::int32_t first_draft_row = -1;  // row i behind it is what d_{i+1} was drawn from; -1: they were chosen, not drawn
  std::int32_t coupled = 0;           // 1: a draft is accepted when it is the target's own draw
};

struct ResolveDraftsParams {
  /// As they were launched, all outputs in place: logits, sampling, edits, supports and tokens; details where details are
  /// wanted below. Edits of logit row i see prompt, output and d_1 .. d_i. advance must be 0: what they read is read again.
  SampleParams target;
  /// The rows drafts were drawn from, likewise, on RandomStream::kDraft, of the same vocabulary; the draft is the token drawn
  /// (or the proposed id). rows = 0: there are none.
  SampleParams draft;
  /// [target.rows] at first_logit_row + i, d_{i+1}; target.proposed_ids too. Outside the vocabulary, or another id than was
  /// proposed: never accepted. A draft that its draft row did not propose was chosen, as if the row were not there.
  const std::int32_t* draft_ids = nullptr;
  const DraftRow* rows = nullptr;  // [row_count]
  std::int32_t row_count = 0;
  // Tests: [target.rows] or null, in place of RandomStream::kAcceptance and kResidual at each logit row's position.
  const std::uint64_t* acceptance_uniforms = nullptr;
  const std::uint64_t* residual_uniforms = nullptr;
  std::int32_t blocks_per_row = 0;  // as in SampleParams
  float* scratch = nullptr;         // [row_count, scratch_stride], see Backend::resolve_scratch_elements
  std::int64_t scratch_stride = 0;
  // Outputs.
  std::int32_t* accepted_counts = nullptr;  // [row_count] in [0, draft_count]
  std::int32_t* tokens = nullptr;           // [row_count] what comes after the accepted drafts
  SampleDetail* details = nullptr;          // [row_count] of that token, or null
  // [target.rows] or null: at first_logit_row + i, the row that d_{i+1} was drawn from, wherever it is; negative: it was
  // chosen. In place of DraftRow::first_draft_row.
  const std::int32_t* draft_rows = nullptr;
};

}  // namespace fllm
