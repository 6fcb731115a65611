// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <vector>

#include "apps/bench/benchmarks.h"
#include "apps/bench/fixed_length.h"
#include "apps/bench/measure.h"
#include "apps/bench/normal_values.h"
#include "cuda/backend/backend.h"

namespace fllm::bench {
namespace {

/// A search without ends, as the first steps of a long one.
struct LongSearch {
  explicit LongSearch(Backend& backend, std::int32_t width, std::int32_t max_length)
      : sums(backend, entries(width)),
        tokens(backend, entries(width) * entries(max_length)),
        parents(backend, tokens.size()),
        logprobs(backend, tokens.size()),
        ancestors(backend, tokens.size()),
        pool(backend, entries(width)),
        norms(backend, entries(max_length) + 1),
        searches(backend, 1) {
    BeamSearch search;
    BeamRules& rules = search.rules;
    rules.width = width;
    rules.candidate_count = candidates = 2 * width;
    rules.max_length = max_length;
    list_room = beam_list_room(rules);
    search.cum = sums.data();
    search.tokens = tokens.data();
    search.parents = parents.data();
    search.logprobs = logprobs.data();
    search.ancestors = ancestors.data();
    search.pool = pool.data();
    searches.upload({&search, 1});
    norms.upload(std::vector<float>(norms.size(), 1.0f));
  }
  static std::size_t entries(std::int32_t count) { return static_cast<std::size_t>(count); }

  std::int32_t candidates = 0, list_room = 0;
  DeviceArray<float> sums;
  DeviceArray<std::int32_t> tokens;
  DeviceArray<std::uint16_t> parents;
  DeviceArray<float> logprobs;
  DeviceArray<std::uint8_t> ancestors;
  DeviceArray<BeamHypothesis> pool;
  DeviceArray<float> norms;
  DeviceArray<BeamSearch> searches;
};

}  // namespace

void bench_beams(const BeamBench& options) {
  Generator generator = open_on_cpu(options.model, options.threads);
  Request request = fixed_length_request(options.tokens);
  request.beam = BeamOptions{};
  request.beam->width = options.width;
  request.beam->stop = BeamStopRule::kNeverEarly;
  const Timing timing = measure(options.runs, [&] {
    const Completion completion = generator.generate(request).value();
    if (completion.samples.at(0).tokens.size() != static_cast<std::size_t>(options.tokens)) {
      throw Exception(ErrorCode::kInternal, "the search ended early: the rates would not compare");
    }
  });
  report("beams", generator.info().device, timing);
}

void bench_beam_step(const BeamStepBench& options) {
  const auto backend = make_backend({.device = "cpu", .threads = options.threads});
  const std::int32_t width = options.width, vocab = options.vocab;
  const auto rows = static_cast<std::size_t>(width);
  const LongSearch search(*backend, width, options.runs + 2);  // one step is the warm-up, and none is the last
  DeviceArray<float> logits(*backend, rows * static_cast<std::size_t>(vocab));
  DeviceArray<RowSampling> sampling(*backend, rows);
  DeviceArray<std::int32_t> inputs(*backend, rows), positions(*backend, rows), row_searches(*backend, rows);
  DeviceArray<std::int32_t> end_ids(*backend, 1), counts(*backend, rows);
  DeviceArray<BeamCandidate> candidates(*backend, rows * static_cast<std::size_t>(search.list_room));
  DeviceArray<std::uint32_t> rank_counts(*backend, kBeamRankBuckets);
  logits.upload(normal_values(logits.size()));
  sampling.upload(std::vector<RowSampling>(rows));
  row_searches.upload(std::vector<std::int32_t>(rows, 0));
  rank_counts.upload(std::vector<std::uint32_t>(rank_counts.size()));  // steps leave them as they were
  const std::int64_t scratch_stride = backend->sample_scratch_elements(vocab, 0);
  DeviceArray<float> scratch(*backend, rows * static_cast<std::size_t>(scratch_stride) + 1);

  BeamParams beam;
  beam.searches = search.searches.data();
  beam.search_count = 1;
  beam.rows = width;
  beam.row_searches = row_searches.data();
  beam.length_norms = search.norms.data();
  beam.candidates = candidates.data();
  beam.candidate_counts = counts.data();
  beam.candidate_stride = search.list_room;
  beam.candidate_limit = search.candidates;
  beam.rank_counts = rank_counts.data();
  beam.sampling = sampling.data();
  beam.tokens = inputs.data();
  beam.positions = positions.data();
  beam.vocab = vocab;
  beam.end_ids = end_ids.data();
  SampleParams sample;
  sample.logits = logits.data();
  sample.stride = vocab;
  sample.rows = width;
  sample.vocab = vocab;
  sample.sampling = sampling.data();
  sample.scratch = scratch_stride > 0 ? scratch.data() : nullptr;
  sample.scratch_stride = scratch_stride;
  const Timing timing = measure(options.runs, [&] {
    backend->beam_candidates(LogitType::kFloat32, {sample, beam});
    backend->beam_select(beam);
    backend->beam_ancestors(beam);
    backend->synchronize();
  });
  report("beam step", backend->description(), timing);
}

}  // namespace fllm::bench
