// SPDX-License-Identifier: Apache-2.0
#pragma once

// NOLINTBEGIN(readability-identifier-naming,modernize-deprecated-headers): C's headers and C's style
#include "fundamentallm/c_api.h"
#include "fundamentallm/c_constraint.h"

// From prompts to text, in C99: a model, and a batch that requests join and leave while it runs. What each field of a request
// means exactly is in include/fundamentallm/options.h and docs/sampling.md.
//
// Structures, errors and fllm_last_error() are as c_api.h says: struct_size first, zero-initialised is neutral. Where 0 is a
// value and not the default, a bit of fllm_request.given says that a field counts. Text is UTF-8, its length in bytes beside
// it; it need not end in 0. What a call is given is copied before it returns.
//
// Threads. Every function but create and destroy may be called from any thread at any time. Nothing runs by itself: a step
// runs in the thread that calls step, wait or drain; of several, one steps at a time, for all. The others do not wait for it.

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fllm_generator fllm_generator;
/// The result of a request whose samples have all ended.
typedef struct fllm_result fllm_result;

typedef struct fllm_generator_options {
  size_t struct_size;
  const char* device;            ///< "auto", "cpu", "cuda" or "cuda:N", ended by 0; NULL: "auto"
  int64_t kv_cache_bytes;        ///< keys and values; 0: max_rows full contexts, at most half of the free memory
  int32_t threads;               ///< of the CPU, [0, 1024]; 0: one per core
  int32_t max_rows;              ///< samples in the batch, [1, 4096]; 0: 256
  int32_t prefill_tokens;        ///< of prompts in one step, [16, 65536]; 0: 512
  int32_t without_prefix_cache;  ///< 1: prompts with the same beginning share nothing; no text depends on it
  const char*
      dtype;  ///< of the weights that are multiplied: "auto", "fp32", and on CUDA "fp16" or "bf16"; NULL: "auto"
  const char* draft_model;  ///< path of a small model with the same tokenizer, for fllm_request.speculation; NULL: none
} fllm_generator_options;

typedef struct fllm_generator_info {
  size_t struct_size;
  int64_t parameter_count;
  int64_t weight_bytes;
  int64_t kv_bytes_per_token;
  int32_t vocab_size;
  int32_t context_length;
  const char* path;    ///< of the model; valid, as those below, as long as the generator
  const char* device;  ///< "cpu (2 threads, v4)"
  const char* architecture;
  const char* tokenizer;
  const char* format;             ///< "GGUF", "safetensors", "llama2.c", "PyTorch checkpoint"
  const char* chat_template;      ///< "chatml", "llama3", "llama2"; "unknown"; "": none
  const char* position_encoding;  ///< "learned", "sinusoidal", "rotary"
  int32_t layer_count;
  int32_t head_count;     ///< of queries
  int32_t kv_head_count;  ///< of keys and values
  int32_t model_width;
  int32_t ffn_width;
  int32_t reserved;
  const char* dtype;  ///< "fp32", "fp16", "bf16" or "quantised"
} fllm_generator_info;

/// A text of `size` bytes.
typedef struct fllm_text {
  const char* bytes;
  size_t size;
} fllm_text;

/// Bits of fllm_request.given.
enum {
  FLLM_GIVEN_TEMPERATURE = 1,
  FLLM_GIVEN_TOP_P = 2,
  FLLM_GIVEN_SEED = 4,
  FLLM_GIVEN_LOGPROBS = 8,
  FLLM_GIVEN_LENGTH_PENALTY = 16
};

/// fllm_request.length_norm, beam_stop and beam_profile; 0 is the default.
enum { FLLM_LENGTH_NORM_GNMT = 1, FLLM_LENGTH_NORM_POWER = 2, FLLM_LENGTH_NORM_NONE = 3 };
enum {
  FLLM_BEAM_STOP_EXACT = 1,
  FLLM_BEAM_STOP_FIRST_K = 2,
  FLLM_BEAM_STOP_HEURISTIC = 3,
  FLLM_BEAM_STOP_NEVER_EARLY = 4
};
enum { FLLM_BEAM_PROFILE_HUGGING_FACE = 1, FLLM_BEAM_PROFILE_CTRANSLATE2 = 2 };

/// fllm_request.speculation: coupled, the text is the one without drafts; ratio, the same distribution with more drafts
/// accepted.
enum { FLLM_SPECULATION_NONE = 0, FLLM_SPECULATION_COUPLED = 1, FLLM_SPECULATION_RATIO = 2 };

typedef struct fllm_request {
  size_t struct_size;
  fllm_text prompt;           ///< text, unless prompt_ids is given
  const int32_t* prompt_ids;  ///< [prompt_id_count] or NULL
  size_t prompt_id_count;
  uint64_t seed;            ///< where given: the same text each time; else a random one, in fllm_result_info
  uint32_t given;           ///< FLLM_GIVEN_* bits
  int32_t num_samples;      ///< [1, 4096]; 0: 1
  int32_t logprobs;         ///< where given: [0, 32] most likely tokens beside each drawn one
  int32_t truncate_prompt;  ///< 1: a prompt that fills the context keeps its end
  int32_t max_tokens;       ///< new tokens; 0: 200
  int32_t max_length;       ///< prompt and new tokens; 0: none
  int32_t min_tokens;
  int32_t min_length;
  float temperature;  ///< where given; else 1
  float top_p;        ///< where given; else 1
  int32_t top_k;      ///< 0: off
  float min_p;
  float repetition_penalty;  ///< 0: 1, which is off
  float frequency_penalty;
  float presence_penalty;
  int32_t penalty_window;
  const fllm_bias_entry* logit_bias;  ///< [logit_bias_count]
  size_t logit_bias_count;
  const fllm_text* stop_strings;  ///< [stop_string_count]
  size_t stop_string_count;
  const int32_t* stop_ids;  ///< [stop_id_count]
  size_t stop_id_count;
  fllm_text prefix;
  const fllm_text* banned_texts;  ///< [banned_text_count]
  size_t banned_text_count;
  const int32_t* banned_ids;  ///< [banned_id_count]
  size_t banned_id_count;
  int32_t keep_stop;  ///< 1: the stop text stays in the output
  int32_t reserved;   ///< 0
  // Beam search, see BeamOptions of include/fundamentallm/options.h.
  int32_t beam_width;        ///< [1, 1024]; 0: tokens are drawn
  int32_t num_return;        ///< hypotheses, the samples of the result; 0: 1
  int32_t length_norm;       ///< FLLM_LENGTH_NORM_*
  float length_penalty;      ///< where given
  int32_t beam_stop;         ///< FLLM_BEAM_STOP_*
  int32_t beam_profile;      ///< FLLM_BEAM_PROFILE_*
  int32_t beam_sample;       ///< 1: beams are drawn
  int32_t diversity_groups;  ///< 0: 1
  float diversity_penalty;
  int32_t beam_reserved;  ///< 0
  // Speculative decoding, see SpeculationOptions of include/fundamentallm/options.h.
  int32_t speculation;    ///< FLLM_SPECULATION_*
  int32_t draft_tokens;   ///< a step, [1, 16]; 0: as many as have paid so far
  int32_t prompt_lookup;  ///< [1, 16]: guess what followed the last so many tokens before; 0: ask the draft model
  int32_t draft_forced;   ///< 1: do not ask the draft model: what a constraint or prefix forces or knows is enough
  // What the output is as a whole, see docs/constraints.md: at most one of choices, regex, json_schema, any_json, speakers and
  // constraint.
  const fllm_text* choices;  ///< [choice_count]: one of these
  size_t choice_count;
  fllm_text regex;            ///< given where bytes is not NULL
  fllm_text json_schema;      ///< given where bytes is not NULL
  const fllm_text* speakers;  ///< [speaker_count]: of a dialogue, a line each in turn
  size_t speaker_count;
  int32_t turns;                      ///< with speakers; 0: 5
  int32_t any_json;                   ///< 1: any JSON
  int32_t any_order;                  ///< 1: with json_schema, its properties in any order
  int32_t constraint_reserved;        ///< 0
  const fllm_constraint* constraint;  ///< of the caller's own; NULL: none. Not with beam search
} fllm_request;

/// Why a sample ended. Later versions may add values.
enum {
  FLLM_FINISH_NONE = 0,  ///< it has not
  FLLM_FINISH_EOS = 1,
  FLLM_FINISH_STOP_TOKEN = 2,
  FLLM_FINISH_STOP_STRING = 3,
  FLLM_FINISH_LENGTH = 4,
  FLLM_FINISH_CONTEXT = 5,
  FLLM_FINISH_CANCELLED = 6,
  FLLM_FINISH_ERROR = 7,
  FLLM_FINISH_INCOMPLETE = 8,  ///< as LENGTH or CONTEXT, before the text was what a prefix or constraint asks for
  FLLM_FINISH_DEAD_END = 9     ///< what is asked for leaves no token to go on with
};

/// What one step did to one sample.
typedef struct fllm_event {
  size_t struct_size;
  uint64_t request;
  fllm_text text;         ///< may be shown: it is never withdrawn; possibly empty
  int32_t sample;         ///< from 0
  int32_t token;          ///< drawn; -1: none
  int32_t finish_reason;  ///< FLLM_FINISH_*, other than NONE in the sample's last event
  int32_t request_done;   ///< 1 in the last event of the request: its result can be taken
} fllm_event;

/// Called by the thread that steps, after the step's work. event is valid during the call, which may call every function of
/// the generator but step, wait, drain and destroy. No exception or longjmp may leave it.
typedef void (*fllm_event_callback)(const fllm_event* event, void* user);

typedef struct fllm_metrics {
  size_t struct_size;
  int64_t queued_requests;  ///< not in the batch yet, or not with all their samples
  int64_t running_rows;     ///< samples in the batch
  int64_t blocks_total;     ///< of 16 tokens' keys and values: blocks_used + blocks_free
  int64_t blocks_used;
  int64_t blocks_free;    ///< the cached ones too
  int64_t blocks_cached;  ///< kept for prompts with the same beginning
  int64_t steps;          ///< since the generator was created, as is what follows
  int64_t tokens_generated;
  int64_t prompt_tokens;
  int64_t prefix_hit_tokens;  ///< of prompts, shared and not read
  int64_t requests_finished;
  int64_t speculative_steps;  ///< of samples that guess ahead
  int64_t drafted_steps;      ///< of these with drafts
  int64_t drafted_tokens;
  int64_t accepted_tokens;     ///< drafts that became output
  int64_t speculative_tokens;  ///< of the output, in speculative_steps
} fllm_metrics;

/// Opens a model, a path ended by 0, with the tokenizer beside it. options may be NULL.
/// Errors: FLLM_NOT_FOUND, FLLM_BAD_FORMAT, FLLM_INVALID_ARGUMENT, FLLM_UNSUPPORTED, FLLM_OUT_OF_MEMORY; *out is then NULL.
FLLM_API fllm_status fllm_generator_create(const char* path, const fllm_generator_options* options,
                                           fllm_generator** out);
/// Forgets what has not ended. NULL is nothing.
FLLM_API void fllm_generator_destroy(fllm_generator* generator);
/// Fills in what the caller's structure has room for.
FLLM_API fllm_status fllm_generator_get_info(const fllm_generator* generator, fllm_generator_info* info);

/// Text to ids: the first `capacity` of them; *count is how many there are. ids may be NULL where capacity is 0.
FLLM_API fllm_status fllm_generator_encode(const fllm_generator* generator, fllm_text text, int32_t* ids,
                                           size_t capacity, size_t* count);
/// Ids to text, special tokens dropped: the first `capacity` bytes; *size is how many there are. bytes may be NULL where
/// capacity is 0.
FLLM_API fllm_status fllm_generator_decode(const fllm_generator* generator, const int32_t* ids, size_t count,
                                           char* bytes, size_t capacity, size_t* size);

/// Queues a request, first come, first served. callback may be NULL: the events are then there for fllm_generator_poll.
/// Errors: FLLM_INVALID_ARGUMENT with every violation on a line of its own, FLLM_CONTEXT_OVERFLOW, FLLM_OUT_OF_MEMORY for one
/// that could never fit the cache, naming blocks and bytes.
FLLM_API fllm_status fllm_generator_submit(fllm_generator* generator, const fllm_request* request,
                                           fllm_event_callback callback, void* user, uint64_t* id);
/// One step of all requests. *worked (may be NULL): 0 when there was nothing to do. After an error every later call reports
/// it again.
FLLM_API fllm_status fllm_generator_step(fllm_generator* generator, int32_t* worked);
/// The next event of a request without callback; *found: 0 when there is none now. Its text is valid until the next call of
/// this function, so one thread should ask. Events wait until they are asked for, or the result is taken.
FLLM_API fllm_status fllm_generator_poll(fllm_generator* generator, fllm_event* event, int32_t* found);
/// Ends a request in the next step, its samples as FLLM_FINISH_CANCELLED. No effect on one that has finished or is unknown.
FLLM_API fllm_status fllm_generator_cancel(fllm_generator* generator, uint64_t id);
/// Whether all samples of the request have ended, or it is unknown; 0 too where generator is NULL.
FLLM_API int32_t fllm_generator_finished(const fllm_generator* generator, uint64_t id);
/// Steps until the request has finished.
FLLM_API fllm_status fllm_generator_wait(fllm_generator* generator, uint64_t id);
/// Steps until all have.
FLLM_API fllm_status fllm_generator_drain(fllm_generator* generator);
FLLM_API fllm_status fllm_generator_get_metrics(const fllm_generator* generator, fllm_metrics* metrics);

/// The result of a finished request, once: the caller destroys it. It does not need the generator any longer.
FLLM_API fllm_status fllm_generator_take(fllm_generator* generator, uint64_t id, fllm_result** out);
FLLM_API void fllm_result_destroy(fllm_result* result);

typedef struct fllm_result_info {
  size_t struct_size;
  uint64_t seed;
  int64_t prompt_tokens;
  int64_t completion_tokens;  ///< over all samples
  double queue_seconds;       ///< submit to admission
  double prefill_seconds;     ///< admission to first token
  double decode_seconds;      ///< first token to the end
  int32_t sample_count;
  int32_t reserved;
  int64_t cached_tokens;      ///< of the prompt: the first sample shared an earlier request's, and read the rest
  int64_t speculative_steps;  ///< over all samples, as in fllm_metrics; 0 where the request does not speculate
  int64_t drafted_steps;
  int64_t drafted_tokens;
  int64_t accepted_tokens;
} fllm_result_info;

/// Log-probabilities are natural: raw of the model's own logits; processed within the kept set (-inf outside it).
typedef struct fllm_token_logprob {
  int32_t id;  ///< -1: no entry
  float raw;
  float processed;
  int32_t rank;  ///< how many ids precede it; 0: the most likely
} fllm_token_logprob;

typedef struct fllm_sample_info {
  size_t struct_size;
  fllm_text text;         ///< the generated part; all pointers are valid as long as the result
  const int32_t* tokens;  ///< [token_count], an end token included
  size_t token_count;
  double sum_logprob;                  ///< raw, over tokens
  const fllm_token_logprob* logprobs;  ///< [token_count], or NULL where fllm_request.logprobs was not given
  const fllm_token_logprob* top;       ///< [token_count, top_count], most likely first, or NULL
  int32_t top_count;
  int32_t finish_reason;  ///< FLLM_FINISH_*
  fllm_status error;      ///< of FLLM_FINISH_ERROR and FLLM_FINISH_DEAD_END, else FLLM_OK
  int32_t reserved;
  const char* error_message;   ///< ended by 0; "" without error
  const float* beam_logprobs;  ///< [token_count] after edits, of a beam search's hypotheses; else NULL
  float beam_sum;              ///< of these
  float beam_score;            ///< by the length norm: what hypotheses are ordered by
} fllm_sample_info;

FLLM_API fllm_status fllm_result_get_info(const fllm_result* result, fllm_result_info* info);
/// sample: [0, sample_count).
FLLM_API fllm_status fllm_result_get_sample(const fllm_result* result, int32_t sample, fllm_sample_info* info);

#ifdef __cplusplus
}  // extern "C"
#endif
// NOLINTEND(readability-identifier-naming,modernize-deprecated-headers)
