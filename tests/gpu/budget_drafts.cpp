// SPDX-License-Identifier: Apache-2.0
#include "tests/gpu/budget_drafts.h"

#include <algorithm>
#include <iostream>
#include <random>
#include <vector>

namespace fllm {
namespace {

constexpr std::int32_t kDrafts = 4;

struct DraftWork {
  const char* name;
  std::int32_t top_k;
  bool drawn;    // from rows of a draft model; chosen otherwise
  bool refused;  // the first draft; all are accepted otherwise
};

constexpr DraftWork kDraftWork[] = {
    {"4 drafts, the first refused, neutral", 0, true, true},
    {"4 drafts, the first refused, top-k 50", 50, true, true},
    {"4 chosen drafts, the first refused, top-k 50", 50, false, true},
    {"4 drafts, all accepted, top-k 50", 50, true, false},
};

/// The rows of the target or of the draft, of normal logits.
class DraftSide {
 public:
  DraftSide(Backend& backend, std::int32_t vocab, std::int32_t rows, std::int32_t top_k, float spread)
      : logits_(backend, static_cast<std::size_t>(rows) * static_cast<std::size_t>(vocab)),
        sampling_(backend, static_cast<std::size_t>(rows)),
        tokens_(backend, static_cast<std::size_t>(rows)),
        supports_(backend, static_cast<std::size_t>(rows)) {
    std::mt19937 generator(1);  // the same rows on both sides, but for their spread
    std::normal_distribution<float> normal(0, 1);
    std::vector<float> logits(logits_.size());
    for (float& logit : logits) logit = spread * normal(generator);
    logits_.upload(logits);
    for (auto row = logits.begin(); row != logits.end(); row += vocab) {
      likeliest.push_back(static_cast<std::int32_t>(std::max_element(row, row + vocab) - row));
    }
    RowSampling row;
    row.top_k = top_k;
    sampling_.upload(std::vector<RowSampling>(sampling_.size(), row));
    params.logits = logits_.data();
    params.stride = params.vocab = vocab;
    params.rows = rows;
    params.sampling = sampling_.data();
    params.tokens = tokens_.data();
    params.supports = supports_.data();
  }
  SampleParams params;
  std::vector<std::int32_t> likeliest;  // [rows]

 private:
  DeviceArray<float> logits_;
  DeviceArray<RowSampling> sampling_;
  DeviceArray<std::int32_t> tokens_;
  DeviceArray<RowSupport> supports_;
};

void verify(Backend& backend, std::int32_t vocab, const DraftWork& work) {
  // The draft's rows are the sharper ones: their likeliest ids are refused with the largest random bits, and never with 0.
  DraftSide draft(backend, vocab, kDrafts + 1, work.top_k, 2.0f), target(backend, vocab, kDrafts + 1, work.top_k, 1.8f);
  DeviceArray<DraftRow> rows(backend, 1);
  DeviceArray<std::int32_t> accepted(backend, 1), tokens(backend, 1), ids(backend, kDrafts + 1);
  DeviceArray<std::uint64_t> uniforms(backend, kDrafts + 1);
  ids.upload(draft.likeliest);
  uniforms.upload(std::vector<std::uint64_t>(uniforms.size(), work.refused ? ~std::uint64_t{0} : 0));
  draft.params.rows = kDrafts;
  draft.params.proposed_ids = target.params.proposed_ids = ids.data();
  std::cout << "SampleRow, fp32, " << work.name << ", draws|" << std::int64_t{kDrafts} * vocab << '\n';
  backend.sample(LogitType::kFloat32, draft.params);
  rows.upload(std::vector<DraftRow>{{0, kDrafts, work.drawn ? 0 : -1, 0}});
  std::cout << "SampleRow, fp32, " << work.name << ", weighs|" << std::int64_t{kDrafts + 1} * vocab << '\n';
  backend.sample(LogitType::kFloat32, target.params);
  ResolveDraftsParams params;
  params.target = target.params;
  params.draft = draft.params;
  params.draft_ids = ids.data();
  params.rows = rows.data();
  params.row_count = 1;
  params.acceptance_uniforms = uniforms.data();
  params.accepted_counts = accepted.data();
  params.tokens = tokens.data();
  std::cout << "ResolveDrafts, fp32, " << work.name << '|' << vocab << '\n';
  backend.resolve_drafts(LogitType::kFloat32, params);
  backend.synchronize();
}

}  // namespace

void run_draft_verification(Backend& backend, std::int32_t vocab) {
  for (const DraftWork& work : kDraftWork) verify(backend, vocab, work);
}

}  // namespace fllm
