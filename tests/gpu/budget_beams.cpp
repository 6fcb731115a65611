// SPDX-License-Identifier: Apache-2.0
#include "tests/gpu/budget_beams.h"

#include <cstdint>
#include <iostream>
#include <random>
#include <string>
#include <vector>

namespace fllm {
namespace {

constexpr std::int32_t kBeams = 8, kEndIds = 1, kCandidates = (1 + kEndIds) * kBeams, kOpenColumns = 24;

/// A search of 8 beams that has taken `steps` steps, of which beams differ in the last 24.
class BeamWork {
 public:
  BeamWork(Backend& backend, std::int32_t vocab, std::int32_t steps) : backend_(backend) {
    BeamSearch search;
    const std::int32_t length = steps + 8;
    search.rules = {
        .width = kBeams, .candidate_count = kCandidates, .max_length = length, .stop = BeamStop::kNeverEarly};
    search.state = {.step = steps,
                    .live_count = kBeams,
                    .frozen = steps - kOpenColumns,
                    .agreed = steps - kOpenColumns,
                    .proven = steps - kOpenColumns};
    const auto slots = static_cast<std::size_t>(length) * kBeams;
    std::vector<std::uint8_t> ancestors(slots, 0);
    for (std::int32_t column = steps - kOpenColumns; column < steps; ++column) {
      for (std::int32_t k = 0; k < kBeams; ++k) {
        ancestors[static_cast<std::size_t>(column) * kBeams + static_cast<std::size_t>(k)] =
            static_cast<std::uint8_t>(k / 2);
      }
    }
    std::vector<std::int32_t> tokens(slots);
    for (std::size_t i = 0; i < slots; ++i) tokens[i] = static_cast<std::int32_t>(i % kBeams);
    std::vector<float> cum;
    cum.reserve(kBeams);
    for (std::int32_t k = 0; k < kBeams; ++k) cum.push_back(-20.0f - 0.25f * static_cast<float>(k));
    search.cum = put(cum);
    search.tokens = put(tokens);
    search.parents = put(std::vector<std::uint16_t>(slots));
    search.logprobs = put(std::vector<float>(slots));
    search.ancestors = put(ancestors);
    search.pool = put(std::vector<BeamHypothesis>(kBeams));
    search.news = put(std::vector<std::uint32_t>(2));

    std::mt19937 generator(1);
    std::normal_distribution<float> normal(0, 2);
    std::vector<float> logits(static_cast<std::size_t>(kBeams * vocab));
    for (float& logit : logits) logit = normal(generator);
    RowSampling row;
    row.end_ids = {0, kEndIds};
    row.generated = steps;
    BeamParams& beam = params_.beam;
    beam.searches = put(std::vector<BeamSearch>{search});
    beam.search_count = 1;
    beam.rows = kBeams;
    beam.row_searches = put(std::vector<std::int32_t>(kBeams));
    beam.length_norms = put(std::vector<float>(static_cast<std::size_t>(length) + 1, 1.0f));
    beam.candidate_stride = 2 * kCandidates + 64;
    beam.candidates = put(std::vector<BeamCandidate>(static_cast<std::size_t>(kBeams * beam.candidate_stride)));
    beam.candidate_counts = put(std::vector<std::int32_t>(kBeams));
    beam.candidate_limit = kCandidates;
    beam.sampling = put(std::vector<RowSampling>(kBeams, row));
    beam.tokens = put(std::vector<std::int32_t>(kBeams));
    beam.positions = put(std::vector<std::int32_t>(kBeams));
    beam.vocab = vocab;
    beam.end_ids = put(std::vector<std::int32_t>{0});
    SampleParams& sample = params_.sample;
    sample.logits = put(logits);
    sample.stride = sample.vocab = vocab;
    sample.rows = kBeams;
    sample.sampling = beam.sampling;
    sample.ban_ids = beam.end_ids;
  }

  [[nodiscard]] const BeamCandidatesParams& params() const { return params_; }

 private:
  template <class T>
  T* put(const std::vector<T>& values) {
    memory_.emplace_back(backend_, values.size() * sizeof(T));
    backend_.upload(memory_.back().data(), values.data(), values.size() * sizeof(T));
    return reinterpret_cast<T*>(memory_.back().data());
  }

  Backend& backend_;
  std::vector<DeviceArray<unsigned char>> memory_;
  BeamCandidatesParams params_;
};

}  // namespace

void run_beam_steps(Backend& backend, std::int32_t vocab) {
  for (const std::int32_t steps : {64, 512, 4096}) {
    const BeamWork work(backend, vocab, steps);
    const std::string name = ", 8 beams, token " + std::to_string(steps);
    const std::int64_t logits = std::int64_t{kBeams} * vocab;
    for (const char* kernel : {"BeamCandidates", "BeamSelect", "BeamAncestors"}) {
      std::cout << kernel << name << '|' << logits << '\n';
    }
    backend.beam_candidates(LogitType::kFloat32, work.params());
    backend.beam_select(work.params().beam);
    backend.beam_ancestors(work.params().beam);
    backend.synchronize();
  }
}

}  // namespace fllm
