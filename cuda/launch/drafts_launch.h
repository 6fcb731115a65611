// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cuda/kernels/resolve_drafts.h"
#include "cuda/launch/check_params.h"
#include "cuda/launch/sampling_launch.h"

namespace fllm {

/// Floats of ResolveDraftsParams::scratch each row needs on a target.
inline std::int64_t resolve_scratch(const LaunchTarget& target, std::int32_t vocab, std::int32_t blocks_per_row) {
  return sampling::scratch_elements(target, vocab, blocks_per_row, ResolveDrafts<float>::kRowsHeld);
}

/// What the kernel relies on, as far as the host can see it. Exception(kInvalidArgument) names the field and its value.
inline void check_resolve_drafts(const ResolveDraftsParams& p, const LaunchTarget& target) {
  const ParamsCheck check("resolve_drafts");
  const auto check_rows = [&](const SampleParams& rows, const std::string& what) {
    SampleParams alone = rows;  // rows are read again into this launch's own memory
    alone.blocks_per_row = p.blocks_per_row;
    alone.scratch = p.scratch;
    alone.scratch_stride = p.scratch_stride;
    check_sample_params(alone, target);
    check.equal((what + " advance").c_str(), rows.advance, "what is allowed", 0);
    check.equal((what + " first_id").c_str(), rows.first_id, "what is allowed", 0);
    check.given((what + ".supports").c_str(), rows.supports != nullptr, rows.rows);
  };
  check.at_least("row_count", p.row_count, 0);
  check_rows(p.target, "target");
  check.at_least("target.rows", p.target.rows, p.row_count);
  if (p.draft.rows != 0) {
    check_rows(p.draft, "draft");
    check.equal("draft.vocab", p.draft.vocab, "target.vocab", p.target.vocab);
  }
  check.given("rows or draft_ids", p.rows != nullptr && p.draft_ids != nullptr, p.row_count);
  check.given("accepted_counts or tokens", p.accepted_counts != nullptr && p.tokens != nullptr, p.row_count);
  check.given("target.details, which details are taken from,", p.details == nullptr || p.target.details != nullptr,
              p.row_count);
  const std::int64_t scratch = resolve_scratch(target, p.target.vocab, p.blocks_per_row);
  check.given("scratch", p.scratch != nullptr || scratch == 0, p.row_count);
  if (p.scratch != nullptr) check.at_least("scratch_stride", p.scratch_stride, scratch);
}

/// One launch for all rows.
template <class Executor>
void resolve_draft_rows(Executor& executor, LogitType type, const ResolveDraftsParams& params) {
  check_resolve_drafts(params, executor.target());
  if (type != LogitType::kFloat32) {
    throw Exception(ErrorCode::kUnsupported, "resolve_drafts: logits of 16 bits; allowed: binary32");
  }
  using Kernel = ResolveDrafts<float>;
  executor.template launch<Kernel>(Kernel::shape(params, executor.target()), params);
}

}  // namespace fllm
