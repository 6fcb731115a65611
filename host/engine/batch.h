// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "cuda/kernels/model_params.h"
#include "cuda/kernels/sample_params.h"
#include "host/engine/draw_tables.h"
#include "host/engine/sequence.h"

// Rows of searches come before those that draw: the device advances them by itself, so they keep their places. Their block tables
// are the last ones, so that those of the others are where their rows are in the batch, with searches and without.
namespace fllm {

/// Sizes every array of a step is made for.
struct StepCapacity {
  std::int32_t rows = 0;
  std::int32_t context_length = 0;
  std::int32_t vocab = 0;           // tokens that can be drawn
  std::int32_t blocks_per_row = 0;  // of the KV cache, for a full context
  std::int32_t prefill_tokens = 0;  // of prompts, in all
  std::int32_t filler_blocks = 0;   // of the KV cache, for what fills a recorded step up to its size
  std::int32_t logit_rows = 0;      // of the rows and of their drafts; at least rows

  [[nodiscard]] std::size_t row_count() const { return static_cast<std::size_t>(rows); }
  /// Row of the block tables that is the first beam's, of so many.
  [[nodiscard]] std::int32_t beam_sequence(std::int32_t beams) const { return rows - beams; }
  [[nodiscard]] std::size_t logit_row_count() const { return static_cast<std::size_t>(logit_rows); }
  [[nodiscard]] std::int32_t tokens() const { return logit_rows + prefill_tokens; }
  /// Fillers that share a block, each at a position of its own.
  [[nodiscard]] std::int32_t filler_tokens() const { return std::min(kKvBlockTokens, context_length); }
  [[nodiscard]] std::size_t mask_words_per_row() const { return (static_cast<std::size_t>(vocab) + 31) / 32; }
  [[nodiscard]] std::size_t ids_per_row() const;
  [[nodiscard]] std::size_t bias_per_row() const;
  [[nodiscard]] std::size_t counts_per_row() const;
};

/// The result of a row in which every token is forbidden.
constexpr std::int32_t kNothingDrawn = -1;

struct BeamRun;

using Rows = std::span<const std::unique_ptr<Sequence>>;
using Searches = std::span<const std::unique_ptr<BeamRun>>;

/// One step's inputs and results on the host, as structure of arrays. Filling it allocates nothing.
class Batch {
 public:
  explicit Batch(const StepCapacity& capacity);

  /// What changes only when a row comes or goes: block tables, constant parameters, lists of ids.
  void fill_static(Rows rows, Searches searches);
  /// Forgets the tokens of the last step. beams: rows of searches in front of all others.
  void clear_feed(std::int32_t beams);
  /// Adds what a row feeds to the model; it draws where nothing is missing then, once more behind each of its drafts.
  void feed(const Sequence& row, std::int32_t place);
  /// What the draws of this step depend on: behind a draft, as if it and those before it had been drawn. with_masks: the host's
  /// masks too; otherwise no draw has one.
  void fill_sampling(Rows rows, bool with_masks);
  [[nodiscard]] std::int32_t draw_count() const { return static_cast<std::int32_t>(draft_ids.size()); }

  std::int32_t beam_rows = 0;                   // of searches, whose tokens the device has
  std::vector<std::int32_t> tokens, positions;  // [fed tokens], behind those of beams
  std::vector<std::int32_t> token_rows;         // [fed tokens]: row of their block table
  std::vector<std::int32_t> drawing;            // [drawing rows]: place of the row
  std::vector<std::int32_t> draft_ids;          // [draws]: what was fed behind it as a draft; kNothingDrawn: none
  std::vector<std::int32_t> logit_tokens;       // [beams and draws]: which of the fed tokens it goes on from
  std::vector<std::int32_t> block_tables;       // [rows, blocks_per_row]
  std::vector<std::int32_t> beam_tables;        // [beams, blocks_per_row]
  std::vector<RowSampling> row_sampling;        // [rows]: what stays the same
  DrawTables draws;
  std::vector<std::int32_t> ids;  // bans and end ids of all rows
  std::vector<BiasEntry> bias;
  std::vector<std::int32_t> copy_source, copy_destination;  // blocks
  std::int32_t top_count = 0;                               // most likely tokens wanted by any row

  std::vector<std::int32_t> drawn;     // [draws]: the step's result
  std::vector<SampleDetail> details;   // [draws]
  std::vector<TopEntry> top;           // [draws, top_count]
  std::vector<std::int32_t> accepted;  // [drawing rows]: drafts that the result begins with
  [[nodiscard]] std::span<const TopEntry> top_of(std::size_t draw) const {
    return std::span(top).subspan(draw * static_cast<std::size_t>(top_count), static_cast<std::size_t>(top_count));
  }

 private:
  void append_table(std::vector<std::int32_t>& tables, std::span<const std::int32_t> blocks, std::size_t first) const;
  [[nodiscard]] RowSampling with_lists(const RequestState& request);

  StepCapacity capacity_;
};

}  // namespace fllm
