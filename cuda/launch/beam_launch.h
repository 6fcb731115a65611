// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/kernels/beam_ancestors.h"
#include "cuda/kernels/beam_candidates.h"
#include "cuda/kernels/beam_select.h"
#include "cuda/launch/check_automata.h"
#include "cuda/launch/sampling_launch.h"

namespace fllm {

/// What the kernels rely on, as far as the host can see it. Exception(kInvalidArgument) names the field and its value.
inline void check_beam_params(const char* operation, const BeamParams& p) {
  const ParamsCheck check(operation);
  check.at_least("search_count", p.search_count, 0);
  check.at_least("rows", p.rows, 0);
  check.at_least("vocab", p.vocab, 1);
  check.at_most("vocab", p.vocab, sampling::kMaxVocab);
  check.at_least("candidate_limit", p.candidate_limit, 1);
  check.at_most("candidate_limit", p.candidate_limit, kMaxBeamCandidates);
  check.at_least("candidate_stride", p.candidate_stride, 1);
  check.given("searches", p.searches != nullptr, p.search_count);
  check.given("row_searches", p.row_searches != nullptr, p.rows);
  check.given("length_norms", p.length_norms != nullptr, p.search_count);
  check.given("candidates or candidate_counts", p.candidates != nullptr && p.candidate_counts != nullptr, p.rows);
  check.given("sampling", p.sampling != nullptr, p.rows);
  check.given("tokens or positions", p.tokens != nullptr && p.positions != nullptr, p.rows);
  check.given("end_ids", p.end_ids != nullptr, p.rows);
  check_automata(check, p.automata);
  check.given("history sizes", p.history.entries == nullptr || p.history.sizes != nullptr, p.rows);
}

inline void check_beam_candidates(const BeamCandidatesParams& p, const LaunchTarget& target) {
  check_beam_params("beam_candidates", p.beam);
  const ParamsCheck check("beam_candidates");
  // The sampler's checks ask for the tokens that it would write.
  SampleParams sample = p.sample;
  sample.tokens = p.beam.tokens;
  check_sample_params(sample, target);
  check.equal("sample.rows", p.sample.rows, "beam.rows", p.beam.rows);
  check.equal("sample.vocab", p.sample.vocab, "beam.vocab", p.beam.vocab);
  check.equal("filters by sequence (1: given)", p.sample.filters.rows != nullptr ? 1 : 0, "those allowed", 0);
  check.equal("advance", p.sample.advance, "what is allowed", 0);
  check.given("sample.sampling, the same as beam.sampling,", p.sample.sampling == p.beam.sampling, p.beam.rows);
}

/// One launch for all rows.
template <class Executor>
void list_beam_candidates(Executor& executor, LogitType type, const BeamCandidatesParams& params) {
  check_beam_candidates(params, executor.target());
  if (type != LogitType::kFloat32) {
    throw Exception(ErrorCode::kUnsupported, "beam_candidates: logits of 16 bits; allowed: binary32");
  }
  using Kernel = BeamCandidates<float>;
  executor.template launch<Kernel>(Kernel::shape(params, executor.target()), params);
}

/// One launch for all searches.
template <class Executor>
void select_beams(Executor& executor, const BeamParams& params) {
  check_beam_params("beam_select", params);
  executor.template launch<BeamSelect>(BeamSelect::shape(params), params);
}

template <class Executor>
void update_beam_ancestors(Executor& executor, const BeamParams& params) {
  check_beam_params("beam_ancestors", params);
  executor.template launch<BeamAncestors>(BeamAncestors::shape(params), params);
}

}  // namespace fllm
