/* SPDX-License-Identifier: Apache-2.0 */
/* The C interface as a C99 program uses it, on the CPU. What must come out is worked out from docs/sampling.md. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fundamentallm/c_api.h"

static int failures = 0;

static void expect(int holds, const char* what, int line) {
  if (!holds) {
    printf("line %d: %s; last error: %s\n", line, what, fllm_last_error());
    ++failures;
  }
}
#define EXPECT(condition) expect((condition), #condition, __LINE__)
#define EXPECT_TEXT(text) expect(strcmp(fllm_last_error(), (text)) == 0, "another message than: " text, __LINE__)

enum { kRows = 2, kVocab = 4 };

/* A call with two rows, everything but logits at its default, tokens and statuses set to what no call returns. */
typedef struct Call {
  fllm_sample_args args;
  int32_t tokens[kRows];
  uint32_t status[kRows];
  fllm_sample_detail details[kRows];
  float probabilities[kRows * kVocab];
} Call;

static void begin(fllm_sampler* sampler, Call* call, const void* logits) {
  static void* workspace = NULL;
  size_t bytes = 0;
  int i;
  memset(call, 0, sizeof *call);
  for (i = 0; i < kRows; ++i) {
    call->tokens[i] = -77;
    call->status[i] = 99;
  }
  call->args.struct_size = sizeof call->args;
  call->args.logits = logits;
  call->args.rows = kRows;
  call->args.vocab = kVocab;
  call->args.tokens = call->tokens;
  call->args.status = call->status;
  call->args.details = call->details;
  call->args.probabilities = call->probabilities;
  EXPECT(fllm_sampler_workspace_size(sampler, &call->args, &bytes) == FLLM_OK);
  free(workspace); /* one serves all calls, one after the other; the last is the system's to free */
  workspace = malloc(bytes);
  call->args.workspace = workspace;
  call->args.workspace_bytes = bytes;
}

static int gives(fllm_sampler* sampler, Call* call, int32_t first, int32_t second) {
  if (fllm_sample(sampler, &call->args, NULL) != FLLM_OK) return 0;
  if (call->tokens[0] == first && call->tokens[1] == second) return 1;
  printf("tokens %d, %d\n", (int)call->tokens[0], (int)call->tokens[1]);
  return 0;
}

static const float kGreedy[kRows] = {0, 0};

static void test_types(fllm_sampler* sampler) {
  const float floats[kRows * kVocab] = {1, 4, 3, 2, 0, 0, 0, 9};
  const uint16_t halves[kRows * kVocab] = {0x3c00, 0x4400, 0x4200, 0x4000, 0, 0, 0, 0x4880};
  const uint16_t bfloats[kRows * kVocab] = {0x3f80, 0x4080, 0x4040, 0x4000, 0, 0, 0, 0x4110};
  Call call;
  begin(sampler, &call, floats);
  call.args.temperature = kGreedy;
  EXPECT(gives(sampler, &call, 1, 3));
  EXPECT(call.status[0] == 0 && call.status[1] == 0);
  EXPECT(call.details[0].kept_count == 1 && call.details[0].rank == 0 && call.details[0].processed_logprob == 0);
  EXPECT(call.details[0].kept_mass == (uint64_t)1 << 40);
  begin(sampler, &call, halves);
  call.args.logits_dtype = FLLM_FLOAT16;
  call.args.temperature = kGreedy;
  EXPECT(gives(sampler, &call, 1, 3));
  begin(sampler, &call, bfloats);
  call.args.logits_dtype = FLLM_BFLOAT16;
  call.args.temperature = kGreedy;
  EXPECT(gives(sampler, &call, 1, 3));
}

static void test_draws(fllm_sampler* sampler) {
  const float equal[kRows * kVocab] = {2, 2, 2, 2, -1, -1, -1, -1};
  /* Random bits select equal ids by quarters of 2^64. */
  const uint64_t uniforms[2][kRows] = {{0, (uint64_t)1 << 62}, {((uint64_t)1 << 62) - 1, UINT64_MAX}};
  const uint64_t seeds[kRows] = {7, 7};
  uint32_t positions[kRows] = {0, 0};
  int counts[kVocab] = {0, 0, 0, 0};
  Call call;
  int i;
  begin(sampler, &call, equal);
  call.args.uniforms = uniforms[0];
  EXPECT(gives(sampler, &call, 0, 1));
  EXPECT(call.details[1].kept_count == 4 && call.details[1].kept_mass == (uint64_t)1 << 42);
  EXPECT(call.probabilities[0] == 0.25f && call.probabilities[7] == 0.25f);
  EXPECT(fabsf(call.details[1].raw_logprob - -1.3862944f) < 1e-6f);
  call.args.uniforms = uniforms[1];
  EXPECT(gives(sampler, &call, 0, 3));
  /* The same seed and position draw the same id in every row; over positions every id comes. */
  call.args.uniforms = NULL;
  call.args.seed = seeds;
  call.args.position = positions;
  for (i = 0; i < 64; ++i) {
    positions[0] = positions[1] = (uint32_t)i;
    EXPECT(fllm_sample(sampler, &call.args, NULL) == FLLM_OK);
    EXPECT(call.tokens[0] == call.tokens[1]);
    if (call.tokens[0] >= 0 && call.tokens[0] < kVocab) ++counts[call.tokens[0]];
  }
  EXPECT(counts[0] > 0 && counts[1] > 0 && counts[2] > 0 && counts[3] > 0);
}

static void test_filters(fllm_sampler* sampler) {
  /* Probabilities .1 .5 .3 .1, the example of docs/sampling.md. */
  const float logits[kRows * kVocab] = {-2.3025851f, -0.6931472f, -1.2039728f, -2.3025851f,
                                        -2.3025851f, -0.6931472f, -1.2039728f, -2.3025851f};
  const uint64_t last[kRows] = {UINT64_MAX, UINT64_MAX};
  const float top_p_a[kRows] = {0.49f, 0.51f}, top_p_b[kRows] = {0.81f, 0.6f}, min_p[kRows] = {0.5f, 0.7f};
  const int32_t top_k[kRows] = {0, 2};
  Call call;
  begin(sampler, &call, logits);
  call.args.uniforms = last;
  call.args.top_p = top_p_a;
  EXPECT(gives(sampler, &call, 1, 2));
  EXPECT(call.details[0].kept_count == 1 && call.details[1].kept_count == 2);
  call.args.top_p = top_p_b;
  call.args.top_k = top_k;
  EXPECT(gives(sampler, &call, 2, 1));
  EXPECT(call.details[0].kept_count == 3 && call.details[1].kept_count == 1);
  EXPECT(call.probabilities[0] > 0 && call.probabilities[3] == 0);
  call.args.top_p = NULL;
  call.args.top_k = NULL;
  call.args.min_p = min_p;
  EXPECT(gives(sampler, &call, 2, 1));
}

static void test_edits(fllm_sampler* sampler) {
  const float logits[kRows * kVocab] = {4, 3, 2, 1, 4, 3, 2, 1};
  const uint32_t masks[2] = {0xe, 0xc};
  const int32_t mask_row[kRows] = {-1, 1};
  const int32_t ids[] = {0, 1, -5, 900, 0}, bans[kRows + 1] = {0, 0, 4}, ends[kRows + 1] = {4, 5, 5};
  const int32_t min_tokens[kRows] = {3, 3};
  int32_t generated[kRows] = {2, 0};
  const fllm_bias_entry bias[] = {{3, 9.0f}};
  const int32_t bias_offsets[kRows + 1] = {0, 0, 1};
  const uint32_t none[2] = {0, 0};
  const int32_t fallback[kRows] = {3, 2};
  Call call;
  begin(sampler, &call, logits);
  call.args.temperature = kGreedy;
  call.args.allow_mask = masks;
  EXPECT(gives(sampler, &call, 1, 2));
  call.args.mask_row = mask_row;
  EXPECT(gives(sampler, &call, 0, 2));

  begin(sampler, &call, logits);
  call.args.temperature = kGreedy;
  call.args.ban_ids = ids;
  call.args.ban_offsets = bans;
  EXPECT(gives(sampler, &call, 0, 2));
  call.args.end_id_offsets = ends;
  call.args.min_tokens = min_tokens;
  call.args.generated = generated;
  EXPECT(gives(sampler, &call, 1, 2)); /* row 0 may not end yet */
  generated[0] = 3;
  EXPECT(gives(sampler, &call, 0, 2));

  begin(sampler, &call, logits);
  call.args.temperature = kGreedy;
  call.args.bias = bias;
  call.args.bias_offsets = bias_offsets;
  EXPECT(gives(sampler, &call, 0, 3));

  begin(sampler, &call, logits);
  call.args.allow_mask = none;
  call.args.fallback_id = fallback;
  EXPECT(gives(sampler, &call, 3, 2));
  EXPECT(call.status[0] == FLLM_ROW_EMPTY && call.status[1] == FLLM_ROW_EMPTY);
}

static void test_history(fllm_sampler* sampler) {
  /* The example of docs/sampling.md: 4, bias 2, repetition 2, frequency 0.5, presence 0.25, three occurrences: 1.25. */
  const float logits[kRows * kVocab] = {4, 1.25f, -9, -9, 4, 1.2500001f, -9, -9};
  const float repetition[kRows] = {2, 2}, frequency[kRows] = {0.5f, 0.5f}, presence[kRows] = {0.25f, 0.25f};
  const fllm_bias_entry bias[] = {{0, 2.0f}, {0, 2.0f}};
  const int32_t bias_offsets[kRows + 1] = {0, 1, 2};
  fllm_count_entry entries[3 * 2];
  int32_t sizes[3] = {0, 0, 0};
  const int32_t ids[] = {0, 0, 0, 0, 0, 0, 3}, id_offsets[kRows + 1] = {0, 3, 7}, slots[kRows] = {2, 0};
  uint32_t status[kRows] = {99, 99};
  fllm_history_append_args append;
  Call call;
  memset(&append, 0, sizeof append);
  append.struct_size = sizeof append;
  append.history.entries = entries;
  append.history.sizes = sizes;
  append.history.capacity = 2;
  append.history.slots = 3;
  append.ids = ids;
  append.id_offsets = id_offsets;
  append.slots = slots;
  append.status = status;
  append.rows = kRows;
  append.vocab = kVocab;
  EXPECT(fllm_history_append(sampler, &append, NULL) == FLLM_OK);
  EXPECT(sizes[0] == 2 && sizes[1] == 0 && sizes[2] == 1 && status[0] == 0 && status[1] == 0);
  EXPECT(entries[4].id == 0 && entries[4].count == (((uint32_t)1 << 31) | 3));
  EXPECT(entries[1].id == 3 && entries[1].count == (((uint32_t)1 << 31) | 1));

  begin(sampler, &call, logits);
  call.args.temperature = kGreedy;
  call.args.repetition_penalty = repetition;
  call.args.frequency_penalty = frequency;
  call.args.presence_penalty = presence;
  call.args.bias = bias;
  call.args.bias_offsets = bias_offsets;
  call.args.history = append.history;
  call.args.history_slot = slots;
  EXPECT(gives(sampler, &call, 0, 1));

  append.slots = NULL; /* row i is slot i; slot 1 is empty, slot 0 has no room for another id */
  append.id_offsets = NULL;
  append.ids = ids + 5;
  append.vocab = 3; /* id 3 is none now */
  EXPECT(fllm_history_append(sampler, &append, NULL) == FLLM_OK);
  EXPECT(sizes[0] == 2 && sizes[1] == 0 && status[0] == 0);
  entries[0].id = 1;
  EXPECT(fllm_history_append(sampler, &append, NULL) == FLLM_OK);
  EXPECT(status[0] == FLLM_ROW_FULL && status[1] == 0);
}

static void test_row_filters(fllm_sampler* sampler) {
  /* The example of docs/sampling.md: probabilities .5 .25 .125 .125. */
  const float logits[kRows * kVocab] = {-0.6931472f, -1.3862944f, -2.0794415f, -2.0794415f,
                                        -0.6931472f, -1.3862944f, -2.0794415f, -2.0794415f};
  const int32_t word_ids[1] = {0}, word_offsets[2] = {0, 1};
  fllm_row_filters filters[kRows] = {FLLM_NO_ROW_FILTERS, FLLM_NO_ROW_FILTERS};
  Call call;
  begin(sampler, &call, logits);
  call.args.filters = filters;
  call.args.word_ids = word_ids;
  call.args.word_offsets = word_offsets;
  EXPECT(fllm_sample(sampler, &call.args, NULL) == FLLM_OK);
  EXPECT(call.details[0].kept_count == 4 && call.details[1].kept_count == 4);
  filters[0].typical_p = 0.2f;
  filters[1].bad_words.end = 1;
  EXPECT(fllm_sample(sampler, &call.args, NULL) == FLLM_OK);
  EXPECT(call.tokens[0] == 1 && call.details[0].kept_count == 1);
  EXPECT(call.tokens[1] != 0 && call.details[1].kept_count == 3);
}

static void test_tensors(fllm_sampler* sampler) {
  float logits[kRows * 7] = {1, 4, 3, 2, 50, 50, 50, 0, 0, 0, 9, 50, 50, 50};
  float temperature[kRows] = {0, 0};
  int64_t shape[2] = {kRows, kVocab}, strides[2] = {7, 1};
  fllm_dl_tensor logits_tensor, row_tensor, token_tensor;
  fllm_sample_tensors tensors;
  Call call;
  begin(sampler, &call, NULL);
  memset(&logits_tensor, 0, sizeof logits_tensor);
  logits_tensor.data = logits;
  logits_tensor.device.device_type = FLLM_DEVICE_CPU;
  logits_tensor.ndim = 2;
  logits_tensor.dtype.code = 2;
  logits_tensor.dtype.bits = 32;
  logits_tensor.dtype.lanes = 1;
  logits_tensor.shape = shape;
  logits_tensor.strides = strides;
  row_tensor = logits_tensor;
  row_tensor.data = temperature;
  row_tensor.ndim = 1;
  row_tensor.strides = NULL;
  token_tensor = row_tensor;
  token_tensor.data = call.tokens;
  token_tensor.dtype.code = 0;
  memset(&tensors, 0, sizeof tensors);
  tensors.struct_size = sizeof tensors;
  tensors.logits = &logits_tensor;
  tensors.temperature = &row_tensor;
  tensors.tokens = &token_tensor;
  EXPECT(fllm_sample_dl(sampler, &tensors, &call.args, NULL) == FLLM_OK);
  EXPECT(call.tokens[0] == 1 && call.tokens[1] == 3);
  token_tensor.dtype.bits = 64;
  strides[1] = 2;
  EXPECT(fllm_sample_dl(sampler, &tensors, &call.args, NULL) == FLLM_INVALID_ARGUMENT);
  EXPECT_TEXT(
      "logits: strides [7, 2] of shape [2, 4]: must have 1 last, and rows that do not overlap\n"
      "tokens: int64: must be int32 or uint32");
}

/* The structure as a program has it that was compiled before the parameters were added. */
typedef struct OldArgs {
  size_t struct_size;
  const void* logits;
  int64_t logits_stride;
  int32_t rows, vocab, logits_dtype, advance;
  int32_t* tokens;
  uint32_t* status;
  void* workspace;
  size_t workspace_bytes;
} OldArgs;

static void test_versions(fllm_sampler* sampler) {
  const float logits[kRows * kVocab] = {-INFINITY, 4, -INFINITY, -INFINITY, -INFINITY, -INFINITY, 4, -INFINITY};
  struct {
    OldArgs args;
    float other[8]; /* what the library takes for more fields if it trusts its own size */
  } old;
  struct {
    fllm_sample_args args;
    uint64_t later;
  } newer;
  Call call;
  memset(&old, 0xee, sizeof old);
  begin(sampler, &call, logits);
  memcpy(&old.args, &call.args, sizeof old.args);
  old.args.struct_size = sizeof old.args;
  EXPECT(fllm_sample(sampler, (const fllm_sample_args*)(const void*)&old.args, NULL) == FLLM_OK);
  EXPECT(call.tokens[0] == 1 && call.tokens[1] == 2);

  newer.args = call.args;
  newer.args.struct_size = sizeof newer;
  newer.later = 0;
  EXPECT(fllm_sample(sampler, &newer.args, NULL) == FLLM_OK);
  newer.later = 1;
  EXPECT(fllm_sample(sampler, &newer.args, NULL) == FLLM_INVALID_ARGUMENT);
  EXPECT(strstr(fllm_last_error(), "is set: the caller asks for something newer") != NULL);

  call.args.struct_size = 0;
  EXPECT(fllm_sample(sampler, &call.args, NULL) == FLLM_INVALID_ARGUMENT);
  EXPECT(strncmp(fllm_last_error(), "fllm_sample_args.struct_size: 0: must be sizeof(fllm_sample_args)", 65) == 0);
}

static void test_errors(fllm_sampler* sampler) {
  fllm_sampler* none = sampler;
  fllm_sampler_options options;
  Call call;
  begin(sampler, &call, NULL);
  call.args.vocab = 0;
  call.args.random_stream = 9;
  EXPECT(fllm_sample(sampler, &call.args, NULL) == FLLM_INVALID_ARGUMENT);
  EXPECT_TEXT(
      "vocab: 0: must be in [1, 1048576]\nlogits: NULL: must be given\n"
      "random_stream: 9: must be in [0, 4] (FLLM_STREAM_*)");
  EXPECT(call.tokens[0] == -77 && call.status[0] == 99);
  memset(&options, 0, sizeof options);
  options.struct_size = sizeof options;
  EXPECT(fllm_sampler_create(&options, &none) == FLLM_INVALID_ARGUMENT && none == NULL);
  EXPECT_TEXT("device_type: 0: must be 1 (FLLM_DEVICE_CPU) or 2 (FLLM_DEVICE_CUDA)");
  EXPECT(strcmp(fllm_status_string(FLLM_INVALID_ARGUMENT), "invalid argument") == 0);
  EXPECT(strlen(fllm_version()) >= 5);
}

/* Constants that programs have compiled in; scripts/check_abi sees only those of fllm_status. */
static void test_constants(void) {
  EXPECT(FLLM_DEVICE_CPU == 1 && FLLM_DEVICE_CUDA == 2);
  EXPECT(FLLM_FLOAT32 == 0 && FLLM_FLOAT16 == 1 && FLLM_BFLOAT16 == 2);
  EXPECT(FLLM_ROW_NAN == 1 && FLLM_ROW_INF == 2 && FLLM_ROW_EMPTY == 4 && FLLM_ROW_FULL == 8);
  EXPECT(FLLM_STREAM_TARGET == 0 && FLLM_STREAM_DRAFT == 1 && FLLM_STREAM_ACCEPTANCE == 2);
  EXPECT(FLLM_STREAM_RESIDUAL == 3 && FLLM_STREAM_BEAM == 4);
}

int main(void) {
  fllm_sampler* sampler = NULL;
  fllm_sampler_options options;
  memset(&options, 0, sizeof options);
  options.struct_size = sizeof options;
  options.device_type = FLLM_DEVICE_CPU;
  options.threads = 2;
  EXPECT(strcmp(fllm_last_error(), "") == 0);
  EXPECT(fllm_sampler_create(&options, &sampler) == FLLM_OK);
  if (sampler == NULL) return 1;
  EXPECT(strncmp(fllm_sampler_description(sampler), "cpu (2 threads, ", 16) == 0);
  test_types(sampler);
  test_draws(sampler);
  test_filters(sampler);
  test_edits(sampler);
  test_history(sampler);
  test_row_filters(sampler);
  test_tensors(sampler);
  test_versions(sampler);
  test_errors(sampler);
  test_constants();
  fllm_sampler_destroy(sampler);
  printf("%s: %d failures\n", fllm_version(), failures);
  return failures == 0 ? 0 : 1;
}
