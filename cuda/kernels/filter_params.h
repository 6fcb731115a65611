// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

// What the further filters read and write (docs/sampling.md, "Further filters"). Plain data, laid out the same on host and
// device.
namespace fllm {

/// A half-open range of a side table.
struct TableRange {
  std::int32_t begin = 0;
  std::int32_t end = 0;
};

/// What is kept of sequences on the device, one a slot: prompt and output in order, and mirostat's state. Sampling with
/// SampleParams::advance appends the token it drew, so that a graph can run many steps.
struct SequenceTable {
  std::int32_t* tokens = nullptr;   // [slots, capacity]
  std::int32_t* lengths = nullptr;  // [slots] tokens in use
  float* mirostat_mus = nullptr;    // [slots]; NaN: of a new sequence. Null: mu is 2 tau throughout
  std::int32_t capacity = 0;
  std::int32_t slot_count = 0;
};

/// Further filters of one row. The defaults change nothing. Values outside their ranges are read as the nearest allowed one,
/// NaN as the default: nothing of it is seen by the host.
struct RowFilters {
  std::int32_t slot = -1;  // of FilterParams::sequences, no two rows of a launch sharing one; outside: no history
  std::int32_t history_begin = 0;       // tokens in front of it take no part
  TableRange bad_words;                 // of FilterParams::word_offsets: numbers of words
  std::int32_t no_repeat_ngram = 0;     // [1, 64]; <= 0: off
  float dry_multiplier = 0;             // >= 0; 0: off
  float dry_base = 1.75f;               // >= 1
  std::int32_t dry_allowed_length = 2;  // >= 1
  std::int32_t dry_range = 0;           // last tokens that count; <= 0: all
  TableRange dry_breakers;              // of FilterParams::breaker_ids
  float top_n_sigma = 0;                // [0, 100]; 0: off
  float typical_p = 1;                  // [0, 1], taken as floor(p * 2^32) units; 1: off
  float xtc_probability = 0;            // [0, 1], likewise; 0: off
  float xtc_threshold = 0.1f;           // [0, 1], likewise; 1: off
  float mirostat_tau = 0;               // bits, >= 0; 0: off
  float mirostat_eta = 0.1f;            // >= 0
};

constexpr std::int32_t kMaxNgram = 64;
constexpr std::int32_t kMaxDryMatch = 50;  // longer matches count as this long
constexpr float kMaxSigmas = 100;

struct FilterParams {
  const RowFilters* rows = nullptr;  // [rows]; null: none
  SequenceTable sequences;
  const std::int32_t* word_offsets = nullptr;  // word i is word_ids[word_offsets[i] .. word_offsets[i + 1])
  const std::int32_t* word_ids = nullptr;      // flat; without word_offsets there are no words
  const std::int32_t* breaker_ids = nullptr;   // flat; null: none
};

}  // namespace fllm
