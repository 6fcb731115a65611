/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of c_generator_program share. */
#ifndef FLLM_TESTS_ABI_C_GENERATOR_CHECKS_H
#define FLLM_TESTS_ABI_C_GENERATOR_CHECKS_H
#include <stdio.h>
#include <string.h>

#include "fundamentallm/c_generator.h"

extern int failures;

static inline void expect(int holds, const char* what, int line) {
  if (!holds) {
    printf("line %d: %s; last error: %s\n", line, what, fllm_last_error());
    ++failures;
  }
}
#define EXPECT(condition) expect((condition), #condition, __LINE__)

static inline fllm_text text_of(const char* bytes) {
  fllm_text text;
  text.bytes = bytes;
  text.size = strlen(bytes);
  return text;
}

static inline fllm_request request_for(const char* prompt, int32_t max_tokens) {
  fllm_request request;
  memset(&request, 0, sizeof request);
  request.struct_size = sizeof request;
  request.prompt = text_of(prompt);
  request.max_tokens = max_tokens;
  request.given = FLLM_GIVEN_TEMPERATURE; /* 0: greedy */
  return request;
}

static inline int is(fllm_text text, const char* wanted) {
  return text.size == strlen(wanted) && memcmp(text.bytes, wanted, text.size) == 0;
}

static inline fllm_text text_in(fllm_result* result, fllm_sample_info* sample) {
  memset(sample, 0, sizeof *sample);
  sample->struct_size = sizeof *sample;
  EXPECT(fllm_result_get_sample(result, 0, sample) == FLLM_OK);
  return sample->text;
}

/* What a request came to; to be destroyed. */
static inline fllm_result* finished(fllm_generator* generator, const fllm_request* request) {
  fllm_result* result = NULL;
  uint64_t id = 0;
  EXPECT(fllm_generator_submit(generator, request, NULL, NULL, &id) == FLLM_OK);
  EXPECT(fllm_generator_wait(generator, id) == FLLM_OK);
  EXPECT(fllm_generator_take(generator, id, &result) == FLLM_OK);
  return result;
}

/* c_generator_constraints.c */
void test_constraints(fllm_generator* generator);
/* c_generator_custom.c */
void test_custom_constraints(fllm_generator* generator);

#endif
