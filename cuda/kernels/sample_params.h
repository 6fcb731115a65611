// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "cuda/kernels/filter_params.h"
#include "cuda/portable/fixed_point.h"
#include "cuda/portable/philox.h"

// What the sampler reads and writes. Plain data, laid out the same on host and device.
namespace fllm {

enum class LogitType : std::uint8_t { kFloat32, kFloat16, kBFloat16 };

/// Bits of a row's status word.
enum SampleStatus : std::uint32_t {
  kSampleOk = 0,
  kSampleNan = 1,         // a NaN among the row's logits; it was read as -inf
  kSampleInf = 2,         // the largest edited logit is +inf: its lowest id is the result
  kSampleEmpty = 4,       // every token is forbidden: the result is the fallback id
  kSampleFull = 8,        // the row's history had no room for the token, which penalties will therefore not see
  kSampleUndecided = 16,  // a sharded row whose last step came too early: the result is its most likely id
};

struct BiasEntry {
  std::int32_t id;
  float bias;  // finite
};

/// One distinct id of a row's history.
struct CountEntry {
  std::int32_t id;
  std::uint32_t output_count : 31;  // occurrences in the output; frequency and presence
  std::uint32_t repeated : 1;       // 1: the repetition penalty applies (in prompt or output, within the window)
};
static_assert(sizeof(CountEntry) == 8);

/// Histories kept on the device, one a slot: distinct ids with their counts, in the order they first occurred. Sampling
/// with SampleParams::advance appends the token it drew, so that a graph can run many steps.
struct HistoryTable {
  CountEntry* entries = nullptr;  // [slots, capacity]
  std::int32_t* sizes = nullptr;  // [slots] entries in use
  std::int32_t capacity = 0;
  std::int32_t slot_count = INT32_MAX;  // a row whose slot is outside [0, slot_count) has no history
};

/// Parameters of one row, checked on the host. The defaults change nothing and draw at temperature 1.
struct RowSampling {
  float temperature = 1;    // >= 0, finite; 0: greedy
  std::int32_t top_k = 0;   // <= 0 or >= vocab: off; 1: greedy
  std::uint32_t top_p = 0;  // units of 2^-32; read when top_p_on
  std::uint32_t top_p_on = 0;
  Mass min_mass = 0;             // ceil(min_p * 2^40); 0: off
  float repetition_penalty = 1;  // > 0
  float frequency_penalty = 0;
  float presence_penalty = 0;
  std::int32_t fallback_id = 0;    // the result of an empty support
  std::int32_t mask_row = -1;      // row of the allow mask; -1: everything is allowed
  TableRange bans;                 // of SampleParams::ban_ids
  TableRange end_ids;              // of SampleParams::ban_ids too: forbidden while generated < min_tokens
  TableRange bias;                 // of SampleParams::bias, ids distinct
  TableRange counts;               // of SampleParams::counts, ids distinct; not read when history_slot >= 0
  std::int32_t history_slot = -1;  // of SampleParams::history; no two rows of a launch share one
  std::int32_t generated = 0;
  std::int32_t min_tokens = 0;
  std::uint64_t seed = 0;
  RandomCounter random;
};

/// The same as arrays of one element a row, which a graph can be captured over. A null array stands for the default of
/// RowSampling (and mask_rows for row i of the allow mask, when there is one). Values outside their ranges are read as the
/// nearest allowed one, NaN as the default: nothing of it is seen by the host.
struct RowArrays {
  const float* temperatures = nullptr;
  const std::int32_t* top_ks = nullptr;
  const float* top_ps = nullptr;  // p, taken as floor(p * 2^32) units
  const float* min_ps = nullptr;
  const float* repetition_penalties = nullptr;
  const float* frequency_penalties = nullptr;
  const float* presence_penalties = nullptr;
  const std::int32_t* fallback_ids = nullptr;
  const std::int32_t* mask_rows = nullptr;
  const std::int32_t* ban_offsets = nullptr;     // [rows + 1] into SampleParams::ban_ids
  const std::int32_t* end_id_offsets = nullptr;  // [rows + 1] into SampleParams::ban_ids
  const std::int32_t* bias_offsets = nullptr;    // [rows + 1] into SampleParams::bias
  const std::int32_t* history_slots = nullptr;
  const std::int32_t* min_tokens = nullptr;
  std::int32_t* generated = nullptr;  // advanced with SampleParams::advance
  const std::uint64_t* seeds = nullptr;
  std::uint32_t* positions = nullptr;  // advanced with SampleParams::advance
  const std::uint32_t* sample_indices = nullptr;
  RandomStream stream = RandomStream::kTarget;  // of the whole launch
};

/// What a row's draw came from; optional output.
struct SampleDetail {
  float raw_logprob;        // log-softmax of the unedited logits at temperature 1
  float processed_logprob;  // ln(mass / kept mass)
  std::int32_t rank;        // ids that precede it in the total order of the edited logits
  std::int32_t kept_count;
  Mass kept_mass;
};

/// One of the first ids of the total order; optional output.
struct TopEntry {
  std::int32_t id;  // -1: fewer allowed ids than asked for
  float raw_logprob;
  float processed_logprob;  // -inf outside the kept set
};
constexpr std::int32_t kMaxTopEntries = 32;

struct RowSupport;  // cuda/kernels/draft_params.h

struct SampleParams {
  const void* logits = nullptr;  // [rows, vocab] of the launch's logit type
  std::int64_t stride = 0;       // elements between rows
  std::int32_t rows = 0;
  std::int32_t vocab = 0;                 // [1, 2^20]
  std::int32_t first_id = 0;              // id of the first logit, where the row is a slice of a vocabulary (ShardRow)
  const RowSampling* sampling = nullptr;  // [rows], or null: arrays is read
  RowArrays arrays;
  const std::uint32_t* allow_mask = nullptr;  // [mask rows, mask_words]: bit i % 32 of word i / 32, 1: allowed
  std::int64_t mask_words = 0;                // words between mask rows, >= ceil(vocab / 32)
  const std::int32_t* ban_ids = nullptr;      // flat; every id in [0, vocab)
  const BiasEntry* bias = nullptr;            // flat
  const CountEntry* counts = nullptr;         // flat
  HistoryTable history;
  FilterParams filters;
  // 1: append the tokens to their histories and sequences, write mirostat's state, add 1 to arrays.positions and
  // arrays.generated.
  std::int32_t advance = 0;
  const std::uint64_t* uniforms = nullptr;  // [rows] or null: replaces Philox (tests, sharded callers)
  std::int32_t blocks_per_row = 0;          // 1, 2, 4, 8; 0: chosen by shape. No result depends on it
  float* scratch = nullptr;  // [rows, scratch_stride], see sample_scratch_elements; null: rows stay on chip
  std::int64_t scratch_stride = 0;
  // Outputs; all but tokens may be null.
  std::int32_t* tokens = nullptr;   // [rows]
  std::uint32_t* status = nullptr;  // [rows]
  SampleDetail* details = nullptr;  // [rows]
  TopEntry* top = nullptr;          // [rows, top_count]
  std::int32_t top_count = 0;       // [0, kMaxTopEntries]
  float* probabilities = nullptr;   // [rows, vocab]: fl(mass) / fl(kept mass), 0 outside the kept set
  std::int64_t probabilities_stride = 0;
  // For rows whose next token has been proposed already (cuda/kernels/draft_params.h); all may be null.
  RowSupport* supports = nullptr;              // [rows]
  const std::int32_t* proposed_ids = nullptr;  // [rows]; outside [0, vocab): none. Null: the token that is drawn
  SampleDetail* proposed_details = nullptr;    // [rows] of the proposed ids; with supports and details alone
};

}  // namespace fllm
