/* SPDX-License-Identifier: Apache-2.0 */
/* A constraint that a C program brings: "ab" once to three times, by its own functions. */
#include <stdlib.h>

#include "tests/abi/c_generator_checks.h"

enum { MOST = 6 };

/* What all states share. */
typedef struct Shared {
  int32_t letters[2];
  int32_t vocab_size;
  int live;      /* states */
  int rollbacks; /* tokens that were taken back */
  int fault_at;  /* characters after which fill_mask fails; 0: never */
  int no_forks;
} Shared;

typedef struct State {
  int written;
} State;

static const char* fill(void* user, void* state, uint32_t* mask, size_t word_count) {
  Shared* shared = user;
  const State* at = state;
  EXPECT(word_count == (size_t)(shared->vocab_size + 31) / 32 && mask[0] == 0);
  if (shared->fault_at > 0 && at->written >= shared->fault_at) return "no more letters";
  if (at->written < MOST) {
    const int32_t id = shared->letters[at->written % 2];
    mask[id / 32] |= (uint32_t)1 << (id % 32);
  }
  return NULL;
}

static const char* take(void* user, void* state, int32_t token, int32_t* taken) {
  Shared* shared = user;
  State* at = state;
  if (at->written < MOST && token == shared->letters[at->written % 2]) {
    ++at->written;
    *taken = 1;
  }
  return NULL;
}

static const char* take_back(void* user, void* state, int32_t token_count) {
  Shared* shared = user;
  State* at = state;
  EXPECT(token_count >= 0 && token_count <= at->written);
  at->written -= token_count;
  shared->rollbacks += token_count;
  return NULL;
}

static const char* ends(void* user, const void* state, int32_t* may_end) {
  const State* at = state;
  (void)user;
  if (at->written > 0 && at->written % 2 == 0) *may_end = 1;
  return NULL;
}

static const char* copy(void* user, const void* state, void** forked) {
  Shared* shared = user;
  State* made;
  if (shared->no_forks) return "one state is enough";
  made = malloc(sizeof *made);
  if (made == NULL) return "out of memory";
  *made = *(const State*)state;
  ++shared->live;
  *forked = made;
  return NULL;
}

static void destroy(void* user, void* state) {
  Shared* shared = user;
  --shared->live;
  free(state);
}

static int is_of_the_language(fllm_text text) {
  size_t i;
  for (i = 0; i < text.size; ++i) {
    if (text.bytes[i] != "ab"[i % 2]) return 0;
  }
  return text.size > 0 && text.size <= MOST && text.size % 2 == 0;
}

void test_custom_constraints(fllm_generator* generator) {
  fllm_request request = request_for("ROMEO:", 40);
  fllm_generator_info info;
  fllm_constraint constraint;
  fllm_sample_info sample;
  fllm_result* result;
  Shared shared;
  State start = {0};
  size_t count = 0;
  uint64_t id = 0;
  memset(&info, 0, sizeof info);
  info.struct_size = sizeof info;
  EXPECT(fllm_generator_get_info(generator, &info) == FLLM_OK);
  memset(&shared, 0, sizeof shared);
  shared.vocab_size = info.vocab_size;
  EXPECT(fllm_generator_encode(generator, text_of("ab"), shared.letters, 2, &count) == FLLM_OK && count == 2);
  memset(&constraint, 0, sizeof constraint);
  constraint.struct_size = sizeof constraint;
  constraint.user = &shared;
  constraint.state = &start;
  constraint.fill_mask = fill;
  constraint.advance = take;
  constraint.rollback = take_back;
  constraint.may_end = ends;
  constraint.fork = copy;
  request.constraint = &constraint;
  EXPECT(fllm_generator_submit(generator, &request, NULL, NULL, &id) == FLLM_INVALID_ARGUMENT);
  EXPECT(strstr(fllm_last_error(), "constraint.destroy: NULL") != NULL && shared.live == 0);
  constraint.destroy = destroy;

  request.num_samples = 3;
  request.seed = 5;
  request.given = FLLM_GIVEN_SEED;
  result = finished(generator, &request);
  EXPECT(is_of_the_language(text_in(result, &sample)) && sample.finish_reason == FLLM_FINISH_EOS);
  fllm_result_destroy(result);
  EXPECT(shared.live == 0 && start.written == 0);

  /* Drafts are taken back; the text is the same. */
  request = request_for("abababababababab", 40);
  request.constraint = &constraint;
  request.speculation = FLLM_SPECULATION_COUPLED;
  request.prompt_lookup = 2;
  request.draft_tokens = 4;
  result = finished(generator, &request);
  EXPECT(is_of_the_language(text_in(result, &sample)) && sample.finish_reason == FLLM_FINISH_EOS);
  EXPECT(shared.rollbacks > 0);
  fllm_result_destroy(result);

  /* Errors have the text of the function that says them. */
  request = request_for("ROMEO:", 40);
  request.constraint = &constraint;
  shared.fault_at = 1;
  result = finished(generator, &request);
  (void)text_in(result, &sample);
  EXPECT(sample.finish_reason == FLLM_FINISH_ERROR &&
         strstr(sample.error_message, "fill_mask: no more letters") != NULL);
  fllm_result_destroy(result);
  shared.no_forks = 1;
  EXPECT(fllm_generator_submit(generator, &request, NULL, NULL, &id) == FLLM_INVALID_ARGUMENT);
  EXPECT(strstr(fllm_last_error(), "constraint: fork: one state is enough") != NULL);
  shared.no_forks = 0;
  request.any_json = 1;
  EXPECT(fllm_generator_submit(generator, &request, NULL, NULL, &id) == FLLM_INVALID_ARGUMENT);
  EXPECT(strstr(fllm_last_error(), "speakers and constraint is allowed") != NULL);
  EXPECT(shared.live == 0);
}
