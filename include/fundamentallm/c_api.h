// SPDX-License-Identifier: Apache-2.0
#pragma once

// NOLINTBEGIN(readability-identifier-naming,modernize-deprecated-headers): C's headers and C's style
#include <stddef.h>
#include <stdint.h>

#include "fundamentallm/export.h"

// The sampler for serving stacks, in C99: a batch of logits in, token ids out, one launch on the caller's stream.
// What is computed is defined in docs/sampling.md.
//
// Memory. "Device memory" below is memory the sampler's device can reach: host memory for a CPU sampler, memory of its
// CUDA device (or managed, or pinned) for a CUDA one. The host never reads or writes it: values in it are seen by the
// device alone, when the work runs. What can be seen on the host (counts, strides, enumerations, null pointers, alignment)
// is checked before anything is enqueued, and a failing call has enqueued nothing.
//
// Streams. On CUDA a call enqueues on `stream` (a cudaStream_t; NULL: the default stream) of the sampler's device, whatever
// the calling thread's current device, and returns. It allocates nothing and waits for nothing. Reads and writes are
// ordered as any kernel's in that stream: inputs written by earlier work are seen, outputs are there for later work. The
// call may be captured into a graph; the graph keeps the pointers and counts, and reads the arrays anew at each replay.
// On the CPU `stream` is ignored and the work is over when the call returns.
//
// Structures begin with struct_size = sizeof of the structure the caller was compiled with. Every field's default is 0 or
// NULL, so zero-initialised is neutral. Later versions only append fields: a shorter structure than the library's is
// filled up with defaults; a longer one is accepted when what the library does not know is all zero.
//
// Threads. A sampler may be used from several threads at once as long as no two calls share memory they write, workspace
// included (work on different CUDA streams counts as different calls); a CPU sampler does one call after the other. A
// sampler must outlive its calls, but, on CUDA, not the work they enqueued.
//
// Errors. Functions return fllm_status; no exception leaves them. fllm_last_error() has the message: what was wrong, the
// value, what is allowed, every violation on a line of its own. Outputs are untouched by a call that failed.

#ifdef __cplusplus
extern "C" {
#endif

/// What became of a call. Later versions may add values.
typedef enum fllm_status {
  FLLM_OK = 0,
  FLLM_INVALID_ARGUMENT = 1,  ///< a value outside its stated range; the message lists every violation
  FLLM_UNSUPPORTED = 2,       ///< a valid request this build or machine cannot run: no CUDA, no such device
  FLLM_OUT_OF_MEMORY = 3,     ///< of the host, when a sampler is created or a message made; of the KV cache
  FLLM_DEVICE_LOST = 4,       ///< a device fault, of this launch or an earlier one; every later call says so too
  FLLM_INTERNAL = 5,  ///< a defect of this library, or a CUDA error that is none of the above: a stream that is none
  // Of c_generator.h alone:
  FLLM_NOT_FOUND = 6,            ///< a file that is not there
  FLLM_BAD_FORMAT = 7,           ///< a file that breaks its format, or is cut short
  FLLM_CONTEXT_OVERFLOW = 8,     ///< a prompt that leaves no room in the model's context
  FLLM_EMPTY_SUPPORT = 9,        ///< every token of a step is forbidden
  FLLM_IO = 10,                  ///< reading failed
  FLLM_STATUS_LAST = 0x7fffffff  ///< never returned: makes every non-negative int a value of the type
} fllm_status;

/// "invalid argument" and so on, for people; "unknown status" for any other value. Never NULL.
FLLM_API const char* fllm_status_string(fllm_status status);

/// The message of the last call of this thread that failed; "" before one did. Valid until the next failing call of this
/// thread. Never NULL.
FLLM_API const char* fllm_last_error(void);

/// The library's version, "major.minor.patch".
FLLM_API const char* fllm_version(void);

/// Where a sampler works. The numbers are DLPack's.
enum { FLLM_DEVICE_CPU = 1, FLLM_DEVICE_CUDA = 2 };

/// Element types of logits.
enum { FLLM_FLOAT32 = 0, FLLM_FLOAT16 = 1, FLLM_BFLOAT16 = 2 };

/// Bits of a row's status word; they add up.
enum {
  FLLM_ROW_NAN = 1,        ///< a NaN among the row's logits; it was read as -inf
  FLLM_ROW_INF = 2,        ///< the largest edited logit is +inf: its lowest id is the result
  FLLM_ROW_EMPTY = 4,      ///< every token is forbidden: the result is the fallback id
  FLLM_ROW_FULL = 8,       ///< the row's history or sequence had no room for a token, which later edits will not see
  FLLM_ROW_UNDECIDED = 16  ///< of fllm_sample_shard: too few exchanges for this row; the result is its most likely id
};

/// What random bits are for; rows that share seed, position and sample index get different bits for each.
enum {
  FLLM_STREAM_TARGET = 0,
  FLLM_STREAM_DRAFT = 1,
  FLLM_STREAM_ACCEPTANCE = 2,
  FLLM_STREAM_RESIDUAL = 3,
  FLLM_STREAM_BEAM = 4
};

typedef struct fllm_sampler fllm_sampler;

typedef struct fllm_sampler_options {
  size_t struct_size;
  int32_t device_type;   ///< FLLM_DEVICE_CPU or FLLM_DEVICE_CUDA; must be given
  int32_t device_index;  ///< of the CUDA device, counted from 0; 0 on the CPU
  int32_t threads;       ///< CPU: worker threads, [0, 1024]; 0: one per core. 0 on CUDA
  int32_t reserved;      ///< 0
} fllm_sampler_options;

/// Makes a sampler: starts threads or looks up the device and its kernels, the only step that allocates. *out is NULL on
/// failure. Errors: FLLM_INVALID_ARGUMENT, FLLM_UNSUPPORTED with the reason, FLLM_OUT_OF_MEMORY.
FLLM_API fllm_status fllm_sampler_create(const fllm_sampler_options* options, fllm_sampler** out);

/// Ends a sampler; NULL is fine.
FLLM_API void fllm_sampler_destroy(fllm_sampler* sampler);

/// "cpu (2 threads, v4)", "cuda:0 (name, compute capability 9.0)". Valid as long as the sampler.
FLLM_API const char* fllm_sampler_description(const fllm_sampler* sampler);

typedef struct fllm_bias_entry {
  int32_t id;  ///< ids of a row distinct; one outside [0, vocab) is passed over
  float bias;  ///< finite
} fllm_bias_entry;

/// One distinct id of a history.
typedef struct fllm_count_entry {
  int32_t id;
  uint32_t count;  ///< bits 0 to 30: occurrences in the output; bit 31: the repetition penalty applies
} fllm_count_entry;

/// Histories in device memory, one a slot: the distinct ids of prompt and output with their counts, in the order they first
/// occurred. Emptied by setting a slot's size to 0.
typedef struct fllm_history_table {
  fllm_count_entry* entries;  ///< [slots, capacity]
  int32_t* sizes;             ///< [slots] entries in use, in [0, capacity]
  int32_t capacity;           ///< entries of a slot, >= 1
  int32_t slots;              ///< >= 1
} fllm_history_table;

/// Sequences in device memory, one a slot: prompt and output in order, which the caller puts there and advance appends to, and
/// mirostat's state. tokens and lengths go together; mirostat_mu may be there alone.
typedef struct fllm_sequence_table {
  int32_t* tokens;     ///< [slots, capacity] oldest first
  int32_t* lengths;    ///< [slots] tokens in use, in [0, capacity]
  float* mirostat_mu;  ///< [slots] in bits; NaN: of a new sequence; NULL: twice mirostat_tau, for ever
  int32_t capacity;    ///< tokens of a slot, >= 1 with tokens, otherwise 0
  int32_t slots;       ///< >= 1
} fllm_sequence_table;

/// A half-open range of one of the flat tables.
typedef struct fllm_table_range {
  int32_t begin;
  int32_t end;
} fllm_table_range;

/// Further filters of one row (docs/sampling.md). All zero is not neutral: FLLM_NO_ROW_FILTERS is. A value outside its range is
/// read as the nearest allowed one, NaN as the default in brackets.
typedef struct fllm_row_filters {
  int32_t slot;                   ///< of sequences, none twice; outside [0, slots): no sequence
  int32_t history_begin;          ///< tokens in front of it take no part; 0: the prompt counts
  fllm_table_range bad_words;     ///< numbers of words, see word_offsets; empty: none
  int32_t no_repeat_ngram;        ///< [0] [1, 64]: no n tokens occur twice; <= 0: off
  float dry_multiplier;           ///< [0] >= 0; 0: off
  float dry_base;                 ///< [1.75] >= 1
  int32_t dry_allowed_length;     ///< [2] >= 1: the shortest match that is penalised
  int32_t dry_range;              ///< [0] last tokens that count; <= 0: all
  fllm_table_range dry_breakers;  ///< of breaker_ids
  float top_n_sigma;              ///< [0] (0, 100] standard deviations below the largest logit; 0: off
  float typical_p;                ///< [1] (0, 1); >= 1: off; <= 0: one token
  float xtc_probability;          ///< [0] [0, 1]; 0: off
  float xtc_threshold;            ///< [0.1] [0, 1]; 1: off
  float mirostat_tau;             ///< [0] bits, >= 0; 0: off
  float mirostat_eta;             ///< [0.1] >= 0
} fllm_row_filters;

/// Initialises an fllm_row_filters that changes nothing.
#define FLLM_NO_ROW_FILTERS \
  { -1, 0, {0, 0}, 0, 0.0f, 1.75f, 2, 0, {0, 0}, 0.0f, 1.0f, 0.0f, 0.1f, 0.0f, 0.1f }

/// What a row's draw came from.
typedef struct fllm_sample_detail {
  float raw_logprob;        ///< log-softmax of the unedited logits at temperature 1
  float processed_logprob;  ///< ln(mass / kept mass)
  int32_t rank;             ///< ids that precede the token in the total order of the edited logits
  int32_t kept_count;       ///< ids left by the filters
  uint64_t kept_mass;       ///< in units of 2^-40 of the most likely id's
} fllm_sample_detail;

/// One of the first ids of the total order.
typedef struct fllm_top_entry {
  int32_t id;  ///< -1: fewer allowed ids than asked for
  float raw_logprob;
  float processed_logprob;  ///< -inf outside the kept set
} fllm_top_entry;

/// One call of fllm_sample. Arrays are in device memory, one element a row, aligned to their element, and may be NULL for
/// the default in brackets unless it says otherwise. A value outside its range is read as the nearest allowed one, NaN as
/// the default.
typedef struct fllm_sample_args {
  size_t struct_size;

  const void* logits;     ///< [rows, vocab] of logits_dtype, any alignment to the element; must be given
  int64_t logits_stride;  ///< elements between rows, >= vocab; 0: vocab
  int32_t rows;           ///< >= 0; 0: nothing is done
  int32_t vocab;          ///< [1, 2^20]
  int32_t logits_dtype;   ///< FLLM_FLOAT32, FLLM_FLOAT16, FLLM_BFLOAT16
  int32_t advance;        ///< 1: append each token to its history and sequence, add 1 to position and generated, write
                          ///< mirostat's state. 0: change no input
  int32_t* tokens;        ///< output [rows]; must be given
  uint32_t* status;       ///< output [rows]: FLLM_ROW_* bits; NULL: not wanted

  void* workspace;         ///< fllm_sampler_workspace_size bytes of device memory, any alignment; contents meaningless
  size_t workspace_bytes;  ///< what is there, at least that many

  const float* temperature;         ///< [1] >= 0; 0: greedy
  const int32_t* top_k;             ///< [off] keep the first k; <= 0 or >= vocab: off
  const float* top_p;               ///< [off] (0, 1): smallest prefix with this mass; >= 1: off; <= 0: one token
  const float* min_p;               ///< [off] [0, 1]: keep masses of at least this share of the largest; 0: off
  const float* repetition_penalty;  ///< [1] > 0; every token of the history
  const float* frequency_penalty;   ///< [0] [-2, 2]; times the count in the output
  const float* presence_penalty;    ///< [0] [-2, 2]; once for a token of the output
  const uint64_t* seed;             ///< [0]
  uint32_t* position;               ///< [0] of the drawn token in its sequence; advanced
  const uint32_t* sample_index;     ///< [0] of the sample within its request
  const int32_t* fallback_id;       ///< [0] result of a row whose tokens are all forbidden
  int32_t* generated;               ///< [0] tokens generated so far; advanced
  const int32_t* min_tokens;        ///< [0] end ids are forbidden while generated < min_tokens

  const uint32_t* allow_mask;  ///< [mask rows, mask_words]: bit i % 32 of word i / 32 is 1 for an allowed id; NULL: all
  int64_t mask_words;          ///< words between mask rows, >= ceil(vocab / 32); 0: that many
  const int32_t* mask_row;     ///< [row i for row i] row of allow_mask; -1: everything is allowed

  const int32_t* ban_ids;         ///< flat; an id outside [0, vocab) is passed over
  const int32_t* ban_offsets;     ///< [rows + 1] row i bans ban_ids[ban_offsets[i] .. ban_offsets[i + 1])
  const int32_t* end_id_offsets;  ///< [rows + 1] into ban_ids too: the row's end ids, which min_tokens holds back
  const fllm_bias_entry* bias;    ///< flat
  const int32_t* bias_offsets;    ///< [rows + 1] into bias

  fllm_history_table history;  ///< all zero: none
  const int32_t*
      history_slot;  ///< slot of each row, none twice; outside [0, slots): no history. Given with history alone

  const uint64_t* uniforms;  ///< 64 random bits a row, in place of those of seed, position and sample_index
  int32_t random_stream;     ///< FLLM_STREAM_*, of all rows
  int32_t blocks_per_row;    ///< CUDA: 1, 2, 4, 8; 0: chosen by shape. No result depends on it

  fllm_sample_detail* details;   ///< output [rows]; NULL: not wanted
  fllm_top_entry* top;           ///< output [rows, top_count]; NULL: not wanted
  float* probabilities;          ///< output [rows, vocab], 0 outside the kept set; NULL: not wanted
  int64_t probabilities_stride;  ///< elements between rows, >= vocab; 0: vocab
  int32_t top_count;             ///< [1, 32] with top, otherwise 0
  int32_t reserved;              ///< 0

  const fllm_row_filters* filters;  ///< [rows] further filters; NULL: none, and none of the following is given
  fllm_sequence_table sequences;    ///< what they remember; all zero: nothing
  const int32_t* word_offsets;      ///< word i of bad_words is word_ids[word_offsets[i] .. word_offsets[i + 1])
  const int32_t* word_ids;          ///< flat; given with word_offsets
  const int32_t* breaker_ids;       ///< flat
} fllm_sample_args;

/// Bytes of workspace that fllm_sample needs for such a call. Reads rows, vocab, logits_dtype and blocks_per_row alone, so
/// it can be asked before anything is allocated. What suffices for some rows suffices for fewer.
FLLM_API fllm_status fllm_sampler_workspace_size(fllm_sampler* sampler, const fllm_sample_args* args, size_t* bytes);

/// Draws one token a row in one launch. args itself is read before the call returns.
/// Errors: FLLM_INVALID_ARGUMENT with every violation, FLLM_DEVICE_LOST.
FLLM_API fllm_status fllm_sample(fllm_sampler* sampler, const fllm_sample_args* args, void* stream);

// Sharded vocabularies: each of several ranks has the logits of a slice of the vocabulary, and all come to the token that
// fllm_sample draws from the whole row, bit for bit, without gathering logits. Every rank calls fllm_sample_shard with step 0;
// then, as often as its rows need, the ranks add up their words (a sum of 64-bit integers over all ranks: ncclAllReduce,
// MPI_Allreduce) and call it with the next step; the last step writes tokens instead of words. Sums of words are all that is
// exchanged. How many exchanges a row needs, d being one digit of its values' 32 bits:
//   1                        greedy, top_k 1, +inf, empty, and a top_k of at most list_size with or without top_p and min_p
//   3                        no filter, or min_p alone
//   6 = 1 + 3 d + 2          top_p alone, or a larger top_k alone
//   10 = 1 + 2 (3 d + 1) + 1 a larger top_k with top_p
// Rows of a launch that are done earlier cost nothing in later steps. With fewer exchanges the others report
// FLLM_ROW_UNDECIDED.
enum { FLLM_SHARD_STATE_BYTES = 56 };

/// Words that a row needs for each exchange; 0 for ranks and list_size outside their ranges.
FLLM_API size_t fllm_shard_words(int32_t ranks, int32_t list_size);

/// What fllm_sample_shard needs beside fllm_sample_args. Arrays are in device memory.
typedef struct fllm_shard_args {
  size_t struct_size;
  uint64_t* words;   ///< [rows, fllm_shard_words]: read but for step 0, written but for the last one
  void* states;      ///< [rows] of FLLM_SHARD_STATE_BYTES, aligned to 8: written by step 0, kept from step to step
  int32_t vocab;     ///< ids of all slices, [1, 2^20]
  int32_t first_id;  ///< of this rank's slice, a multiple of 32; its size is fllm_sample_args.vocab
  int32_t rank;      ///< [0, ranks); higher ranks have higher ids
  int32_t ranks;     ///< [1, 64]
  int32_t
      list_size;  ///< [0, min(256, 512 / ranks)] the same on all ranks; rows whose top_k is no larger need one exchange
  int32_t step;   ///< 0, 1, ...
  int32_t last;   ///< 1: write tokens; step is then at least 1
  int32_t reserved;  ///< 0
} fllm_shard_args;

/// One step of a sharded draw, in one launch. args is that of fllm_sample with these differences: logits and vocab are the
/// slice's, all other ids (masks, bans, biases, histories, tokens) are of the whole vocabulary and the same on every rank, and
/// details, top, probabilities and filters must be NULL. All steps get the same args; position, generated and histories advance in
/// the last one. Errors as of fllm_sample.
FLLM_API fllm_status fllm_sample_shard(fllm_sampler* sampler, const fllm_sample_args* args,
                                       const fllm_shard_args* shard, void* stream);

/// One call of fllm_history_append. Arrays are in device memory.
typedef struct fllm_history_append_args {
  size_t struct_size;
  fllm_history_table history;
  const int32_t* ids;          ///< flat; one outside [0, vocab) is passed over, so rows may be padded with -1
  const int32_t* id_offsets;   ///< [rows + 1] row i appends ids[id_offsets[i] .. id_offsets[i + 1]); NULL: ids[i]
  const int32_t* slots;        ///< [rows] none twice; outside [0, history.slots): nothing is done; NULL: slot i
  const int32_t* are_outputs;  ///< [rows] not 0: the ids are output and are counted; 0: prompt; NULL: output
  uint32_t* status;            ///< output [rows]: FLLM_ROW_FULL or 0; NULL: not wanted
  int32_t rows;                ///< >= 0; 0: nothing is done
  int32_t vocab;               ///< [1, 2^20]
} fllm_history_append_args;

/// Appends given tokens to histories: prompts, or outputs that were not drawn by an advancing fllm_sample. One launch, a
/// block a row; the cost grows with ids times distinct ids. Errors as of fllm_sample.
FLLM_API fllm_status fllm_history_append(fllm_sampler* sampler, const fllm_history_append_args* args, void* stream);

#ifdef __cplusplus
}  // extern "C"
#endif
// NOLINTEND(readability-identifier-naming,modernize-deprecated-headers)

#include "fundamentallm/c_tensors.h"
