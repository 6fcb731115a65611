// SPDX-License-Identifier: Apache-2.0
#include "tests/gpu/replay_backend.h"

#include <gtest/gtest.h>

#include "cuda/backend/cuda_backend.h"
#include "cuda/runtime/graph.h"

namespace fllm::test {

ReplayBackend::ReplayBackend(Backend& backend, const Backend& device)
    : ForwardingBackend(backend), stream_(static_cast<cudaStream_t>(cuda_stream(device))) {}

ReplayBackend::Region ReplayBackend::region(const RowView<float>& view) {
  if (view.rows == 0 || view.cols == 0) return {view.data, 0};
  return {view.data, static_cast<std::size_t>((view.rows - 1) * view.stride + view.cols) * sizeof(float)};
}

std::vector<std::vector<std::byte>> ReplayBackend::contents(const std::vector<Region>& regions) {
  std::vector<std::vector<std::byte>> bytes;
  for (const Region& r : regions) {
    bytes.emplace_back(r.bytes);
    if (r.bytes > 0) backend().download(bytes.back().data(), r.data, r.bytes);
  }
  backend().synchronize();
  return bytes;
}

void ReplayBackend::replay(const std::vector<Region>& outputs, const std::function<void()>& operation) {
  const std::vector<std::vector<std::byte>> before = contents(outputs);
  cuda::StreamCapture capture(stream_);
  operation();
  const cuda::Graph graph = capture.end();
  EXPECT_EQ(contents(outputs), before) << "the operation ran while it was captured";
  graph.launch(stream_);
  const std::vector<std::vector<std::byte>> first = contents(outputs);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].bytes > 0) backend().upload(outputs[i].data, before[i].data(), outputs[i].bytes);
  }
  graph.launch(stream_);
  EXPECT_EQ(contents(outputs), first) << "two replays differ";
}

void ReplayBackend::embed(const EmbedParams& p) {
  replay({region(p.out)}, [&] { backend().embed(p); });
}
void ReplayBackend::rms_norm(const RmsNormParams& p) {
  replay({region(p.out)}, [&] { backend().rms_norm(p); });
}
void ReplayBackend::layer_norm(const LayerNormParams& p) {
  replay({region(p.out)}, [&] { backend().layer_norm(p); });
}
void ReplayBackend::rope(const RopeParams& p) {
  replay({region(p.x)}, [&] { backend().rope(p); });
}
void ReplayBackend::swiglu(const SwiGluParams& p) {
  replay({region(p.out)}, [&] { backend().swiglu(p); });
}
void ReplayBackend::linear(const LinearParams& p) {
  replay({region(p.out)}, [&] { backend().linear(p); });
}
void ReplayBackend::kv_append(const KvAppendParams& p) {
  replay({}, [&] { backend().kv_append(p); });
}
void ReplayBackend::attention(const AttentionParams& p) {
  replay({region(p.out)}, [&] { backend().attention(p); });
}
void ReplayBackend::gather_rows(const GatherRowsParams& p) {
  replay({region(p.out)}, [&] { backend().gather_rows(p); });
}
void ReplayBackend::copy_blocks(const CopyBlocksParams& p) {
  replay({}, [&] { backend().copy_blocks(p); });
}

void ReplayBackend::sample(LogitType type, const SampleParams& p) {
  const auto rows = static_cast<std::size_t>(p.rows);
  const auto output = [rows](auto* data, std::size_t per_row) {
    return Region{data, data == nullptr ? 0 : rows * per_row * sizeof(*data)};
  };
  const SequenceTable& sequences = p.filters.sequences;
  const auto state = [&sequences](auto* data, std::int32_t per_slot) {
    const auto count = static_cast<std::size_t>(sequences.slot_count) * static_cast<std::size_t>(per_slot);
    return Region{data, data == nullptr ? 0 : count * sizeof(*data)};
  };
  replay({state(sequences.tokens, sequences.capacity), state(sequences.lengths, 1), state(sequences.mirostat_mus, 1),
          output(p.tokens, 1), output(p.status, 1), output(p.details, 1),
          output(p.top, static_cast<std::size_t>(p.top_count)), output(p.supports, 1), output(p.proposed_details, 1),
          region({p.probabilities, p.probabilities == nullptr ? 0 : p.rows, p.vocab, p.probabilities_stride})},
         [&] { backend().sample(type, p); });
}

void ReplayBackend::resolve_drafts(LogitType type, const ResolveDraftsParams& p) {
  if (type != LogitType::kFloat32) return backend().resolve_drafts(type, p);  // it is refused
  const auto output = [&p](auto* data) {
    return Region{data, data == nullptr ? 0 : static_cast<std::size_t>(p.row_count) * sizeof(*data)};
  };
  replay({output(p.accepted_counts), output(p.tokens), output(p.details)}, [&] { backend().resolve_drafts(type, p); });
}

void ReplayBackend::history_append(const HistoryAppendParams& p) {
  const auto region = [](auto* data, std::size_t count) {
    return Region{data, data == nullptr ? 0 : count * sizeof(*data)};
  };
  const auto slots = static_cast<std::size_t>(p.history.slot_count);
  replay({region(p.history.entries, slots * static_cast<std::size_t>(p.history.capacity)),
          region(p.history.sizes, slots), region(p.status, static_cast<std::size_t>(p.rows))},
         [&] { backend().history_append(p); });
}

void ReplayBackend::commit_rows(const CommitRowsParams& p) {
  const auto region = [](auto* data, std::size_t count) { return Region{data, count * sizeof(*data)}; };
  const auto rows = static_cast<std::size_t>(p.rows),
             words = static_cast<std::size_t>(p.ring.depth) * static_cast<std::size_t>(p.ring.stride);
  replay({region(p.sampling, rows), region(p.states, rows), region(p.tokens, rows), region(p.positions, rows),
          region(p.ring.words, words), region(p.ring.sums, words), region(p.ring.final_sums, rows)},
         [&] { backend().commit_rows(p); });
}

std::vector<ReplayBackend::Region> ReplayBackend::draft_regions(const DraftLoopParams& p) {
  const auto region = [](auto* data, std::size_t count) { return Region{data, count * sizeof(*data)}; };
  const auto rows = static_cast<std::size_t>(p.rows), slots = static_cast<std::size_t>(p.slots),
             drawing = static_cast<std::size_t>(p.drawing),
             words = static_cast<std::size_t>(p.ring.depth) * static_cast<std::size_t>(p.ring.stride),
             histories = static_cast<std::size_t>(p.history.slot_count);
  std::vector<Region> regions = {region(p.states, rows),
                                 region(p.drafting, rows),
                                 region(p.judged, rows),
                                 region(p.sampling, slots),
                                 region(p.draft_ids, slots),
                                 region(p.draft_sampling, drawing * static_cast<std::size_t>(p.drafts)),
                                 region(p.texts.tokens, rows * static_cast<std::size_t>(p.texts.capacity)),
                                 region(p.history.sizes, histories),
                                 region(p.history.entries, histories * static_cast<std::size_t>(p.history.capacity)),
                                 region(p.ring.words, words),
                                 region(p.ring.sums, words),
                                 region(p.ring.final_sums, rows)};
  for (const auto& [feed, count] : {std::pair{p.feed, slots}, {p.draft_feed, 2 * drawing}}) {
    for (std::int32_t* numbers : {feed.tokens, feed.positions, feed.sequences}) {
      regions.push_back(region(numbers, count));
    }
  }
  return regions;
}

void ReplayBackend::extend_drafts(const DraftLoopParams& p) {
  replay(draft_regions(p), [&] { backend().extend_drafts(p); });
}

void ReplayBackend::propose_drafts(const DraftLoopParams& p) {
  replay(draft_regions(p), [&] { backend().propose_drafts(p); });
}

void ReplayBackend::commit_drafts(const DraftLoopParams& p) {
  replay(draft_regions(p), [&] { backend().commit_drafts(p); });
}

std::vector<ReplayBackend::Region> ReplayBackend::search_regions(const BeamParams& p) {
  std::vector<BeamSearch> searches(static_cast<std::size_t>(p.search_count));
  const auto region = [](auto* data, std::size_t count) {
    return Region{data, data == nullptr ? 0 : count * sizeof(*data)};
  };
  std::vector<Region> regions = {region(p.searches, searches.size())};
  backend().download(searches.data(), p.searches, regions[0].bytes);
  backend().synchronize();
  for (const BeamSearch& search : searches) {
    const auto width = static_cast<std::size_t>(search.rules.width),
               slots = width * static_cast<std::size_t>(search.rules.max_length);
    const std::size_t entry_bytes = search.rules.width <= kMaxSmallBeamWidth ? 1 : 2;
    for (const Region& own :
         {region(search.cum, width), region(search.mask_states, width), region(search.stop_states, width),
          region(search.tokens, slots), region(search.parents, slots), region(search.logprobs, slots),
          region(search.pool, width), Region{search.ancestors, slots * entry_bytes}}) {
      regions.push_back(own);
    }
  }
  return regions;
}

void ReplayBackend::beam_candidates(LogitType type, const BeamCandidatesParams& p) {
  if (type != LogitType::kFloat32) return backend().beam_candidates(type, p);  // it is refused
  // Counters are put back, not compared: in what order rows add to them is not defined.
  const std::size_t count = p.beam.rank_counts == nullptr ? 0 : static_cast<std::size_t>(p.beam.search_count);
  const std::vector<Region> counters = {{p.beam.rank_counts, count * kBeamRankBuckets * sizeof(std::uint32_t)}};
  const std::vector<std::vector<std::byte>> before = contents(counters);
  cuda::StreamCapture capture(stream_);
  backend().beam_candidates(type, p);
  const cuda::Graph graph = capture.end();
  graph.launch(stream_);
  if (count > 0) backend().upload(p.beam.rank_counts, before[0].data(), before[0].size());
  graph.launch(stream_);
}

void ReplayBackend::beam_select(const BeamParams& p) {
  std::vector<Region> regions = search_regions(p);
  const auto rows = static_cast<std::size_t>(p.rows);
  regions.push_back({p.sampling, rows * sizeof(RowSampling)});
  regions.push_back({p.tokens, rows * sizeof(std::int32_t)});
  regions.push_back({p.positions, rows * sizeof(std::int32_t)});
  replay(regions, [&] { backend().beam_select(p); });
}

void ReplayBackend::beam_ancestors(const BeamParams& p) {
  std::vector<Region> regions = search_regions(p);
  if (p.history.entries != nullptr) {
    const auto slots = static_cast<std::size_t>(p.history.slot_count);
    regions.push_back({p.history.entries, slots * static_cast<std::size_t>(p.history.capacity) * sizeof(CountEntry)});
    regions.push_back({p.history.sizes, slots * sizeof(std::int32_t)});
  }
  replay(regions, [&] { backend().beam_ancestors(p); });
}

}  // namespace fllm::test
