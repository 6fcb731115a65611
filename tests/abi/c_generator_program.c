/* SPDX-License-Identifier: Apache-2.0 */
/* The generator of the C interface as a C99 program uses it, on the CPU with the bundled model. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/abi/c_generator_checks.h"

int failures = 0;

/* What a callback has heard. */
typedef struct Heard {
  fllm_generator* generator;
  char text[256];
  size_t size;
  int done;
  int cancel_after;
  int events;
} Heard;

static void hear(const fllm_event* event, void* user) {
  Heard* heard = user;
  int32_t worked = 0;
  EXPECT(event->struct_size == sizeof *event);
  EXPECT(heard->size + event->text.size < sizeof heard->text);
  memcpy(heard->text + heard->size, event->text.bytes, event->text.size);
  heard->size += event->text.size;
  heard->done += event->request_done;
  ++heard->events;
  EXPECT(fllm_generator_step(heard->generator, &worked) == FLLM_INVALID_ARGUMENT); /* it would wait for itself */
  if (heard->events == heard->cancel_after) EXPECT(fllm_generator_cancel(heard->generator, event->request) == FLLM_OK);
}

static fllm_generator* open_model(const char* path) {
  fllm_generator_options options;
  fllm_generator* generator = NULL;
  memset(&options, 0, sizeof options);
  options.struct_size = sizeof options;
  options.device = "cpu";
  options.threads = 1;
  options.max_rows = 8;
  EXPECT(fllm_generator_create("no/such/model.pt", &options, &generator) == FLLM_NOT_FOUND && generator == NULL);
  options.prefill_tokens = 5;
  EXPECT(fllm_generator_create(path, &options, &generator) == FLLM_INVALID_ARGUMENT && generator == NULL);
  EXPECT(strstr(fllm_last_error(), "prefill_tokens: 5") != NULL);
  options.prefill_tokens = 0;
  options.dtype = "fp8";
  EXPECT(fllm_generator_create(path, &options, &generator) == FLLM_INVALID_ARGUMENT && generator == NULL);
  EXPECT(strstr(fllm_last_error(), "auto, fp32, fp16, bf16") != NULL);
  options.dtype = "bf16";
  EXPECT(fllm_generator_create(path, &options, &generator) == FLLM_UNSUPPORTED && generator == NULL);
  options.dtype = "fp32";
  EXPECT(fllm_generator_create(path, &options, &generator) == FLLM_OK);
  return generator;
}

static void test_model(fllm_generator* generator) {
  fllm_generator_info info;
  int32_t ids[4] = {-7, -7, -7, -7};
  char bytes[8] = {0};
  size_t count = 0;
  memset(&info, 0, sizeof info);
  info.struct_size = sizeof info;
  EXPECT(fllm_generator_get_info(generator, &info) == FLLM_OK);
  EXPECT(info.vocab_size == 69 && info.context_length == 256 && info.parameter_count == 1229824);
  EXPECT(strncmp(info.device, "cpu", 3) == 0 && strcmp(info.architecture, "fundamentallm") == 0);
  EXPECT(strcmp(info.format, "PyTorch checkpoint") == 0 && strcmp(info.chat_template, "") == 0);
  EXPECT(strcmp(info.position_encoding, "learned") == 0 && info.head_count == info.kv_head_count);
  EXPECT(info.layer_count > 0 && info.head_count > 0 && info.ffn_width == 4 * info.model_width);
  info.struct_size = 16; /* an older caller: only what it knows is written */
  info.parameter_count = 0;
  info.weight_bytes = 77;
  EXPECT(fllm_generator_get_info(generator, &info) == FLLM_OK && info.parameter_count == 1229824);
  EXPECT(info.weight_bytes == 77);
  EXPECT(fllm_generator_encode(generator, text_of("KING"), ids, 3, &count) == FLLM_OK && count == 4 && ids[3] == -7);
  EXPECT(fllm_generator_encode(generator, text_of("KING"), ids, 4, &count) == FLLM_OK && ids[3] != -7);
  EXPECT(fllm_generator_encode(generator, text_of("KING"), NULL, 0, &count) == FLLM_OK && count == 4);
  EXPECT(fllm_generator_decode(generator, ids, 4, bytes, sizeof bytes, &count) == FLLM_OK && count == 4);
  EXPECT(strcmp(bytes, "KING") == 0);
  ids[0] = 69;
  EXPECT(fllm_generator_decode(generator, ids, 4, bytes, sizeof bytes, &count) == FLLM_INVALID_ARGUMENT);
}

static void test_poll_and_take(fllm_generator* generator) {
  fllm_request request = request_for("ROMEO:", 12);
  fllm_text stop = text_of("shall");
  fllm_event event;
  fllm_result* result = NULL;
  fllm_result_info info;
  fllm_sample_info sample;
  uint64_t id = 0;
  int32_t worked = 1, found = 0, done = 0;
  char text[64];
  size_t size = 0;
  memset(&event, 0, sizeof event);
  event.struct_size = sizeof event;
  request.num_samples = 2;
  request.given |= FLLM_GIVEN_LOGPROBS | FLLM_GIVEN_SEED;
  request.logprobs = 2;
  request.seed = 9;
  EXPECT(fllm_generator_submit(generator, &request, NULL, NULL, &id) == FLLM_OK && id != 0);
  EXPECT(fllm_generator_take(generator, id, &result) == FLLM_INVALID_ARGUMENT && result == NULL);
  while (worked) EXPECT(fllm_generator_step(generator, &worked) == FLLM_OK);
  while (fllm_generator_poll(generator, &event, &found) == FLLM_OK && found) {
    EXPECT(event.request == id && !done);
    done = event.request_done;
    if (event.sample == 1) {
      memcpy(text + size, event.text.bytes, event.text.size);
      size += event.text.size;
    }
  }
  EXPECT(done && size == 12 && memcmp(text, "\nWhat shall ", 12) == 0);
  EXPECT(fllm_generator_finished(generator, id));
  EXPECT(fllm_generator_take(generator, id, &result) == FLLM_OK && result != NULL);
  memset(&info, 0, sizeof info);
  info.struct_size = sizeof info;
  EXPECT(fllm_result_get_info(result, &info) == FLLM_OK);
  EXPECT(info.sample_count == 2 && info.prompt_tokens == 6 && info.completion_tokens == 24 && info.seed == 9);
  memset(&sample, 0, sizeof sample);
  sample.struct_size = sizeof sample;
  EXPECT(fllm_result_get_sample(result, 1, &sample) == FLLM_OK);
  EXPECT(is(sample.text, "\nWhat shall ") && sample.token_count == 12 && sample.finish_reason == FLLM_FINISH_LENGTH);
  EXPECT(sample.error == FLLM_OK && strcmp(sample.error_message, "") == 0);
  EXPECT(sample.top_count == 2 && sample.logprobs[3].id == sample.tokens[3] && sample.logprobs[3].rank == 0);
  EXPECT(sample.top[6].id == sample.tokens[3] && sample.top[6].raw == sample.logprobs[3].raw);
  EXPECT(fllm_result_get_sample(result, 2, &sample) == FLLM_INVALID_ARGUMENT);
  fllm_result_destroy(result);
  EXPECT(fllm_generator_take(generator, id, &result) == FLLM_INVALID_ARGUMENT && result == NULL);

  request = request_for("ROMEO:", 40);
  request.stop_strings = &stop;
  request.stop_string_count = 1;
  EXPECT(fllm_generator_submit(generator, &request, NULL, NULL, &id) == FLLM_OK);
  EXPECT(fllm_generator_wait(generator, id) == FLLM_OK);
  EXPECT(fllm_generator_take(generator, id, &result) == FLLM_OK);
  EXPECT(fllm_result_get_sample(result, 0, &sample) == FLLM_OK);
  EXPECT(is(sample.text, "\nWhat ") && sample.finish_reason == FLLM_FINISH_STOP_STRING && sample.logprobs == NULL);
  fllm_result_destroy(result);
  EXPECT(fllm_generator_poll(generator, &event, &found) == FLLM_OK && !found); /* taken: no events wait */
}

static void test_callbacks(fllm_generator* generator) {
  fllm_request request = request_for("ROMEO:", 12);
  Heard whole, cancelled;
  fllm_metrics metrics;
  fllm_result* result = NULL;
  fllm_sample_info sample;
  uint64_t id = 0, other = 0;
  memset(&whole, 0, sizeof whole);
  whole.generator = generator;
  cancelled = whole;
  cancelled.cancel_after = 3;
  EXPECT(fllm_generator_submit(generator, &request, hear, &whole, &id) == FLLM_OK);
  EXPECT(fllm_generator_submit(generator, &request, hear, &cancelled, &other) == FLLM_OK);
  EXPECT(fllm_generator_drain(generator) == FLLM_OK);
  EXPECT(whole.size == 12 && memcmp(whole.text, "\nWhat shall ", 12) == 0 && whole.done == 1);
  EXPECT(cancelled.size == 3 && cancelled.done == 1 && cancelled.events == 4);
  EXPECT(fllm_generator_take(generator, other, &result) == FLLM_OK);
  memset(&sample, 0, sizeof sample);
  sample.struct_size = sizeof sample;
  EXPECT(fllm_result_get_sample(result, 0, &sample) == FLLM_OK && sample.finish_reason == FLLM_FINISH_CANCELLED);
  fllm_result_destroy(result);
  memset(&metrics, 0, sizeof metrics);
  metrics.struct_size = sizeof metrics;
  EXPECT(fllm_generator_get_metrics(generator, &metrics) == FLLM_OK);
  EXPECT(metrics.blocks_used == 0 && metrics.blocks_total == 8 * 16 && metrics.requests_finished == 4);
  EXPECT(metrics.running_rows == 0 && metrics.queued_requests == 0 && metrics.tokens_generated > 24);
}

static void test_beams(fllm_generator* generator) {
  fllm_request request = request_for("ROMEO:", 12);
  fllm_event event;
  fllm_result* result = NULL;
  fllm_result_info info;
  fllm_sample_info first, second;
  uint64_t id = 0;
  int32_t found = 0, done = 0, i;
  float sum = 0;
  memset(&event, 0, sizeof event);
  event.struct_size = sizeof event;
  memset(&info, 0, sizeof info);
  info.struct_size = sizeof info;
  memset(&first, 0, sizeof first);
  first.struct_size = sizeof first;
  second = first;
  request.beam_width = 3;
  request.num_return = 2;
  request.length_norm = FLLM_LENGTH_NORM_POWER;
  request.given |= FLLM_GIVEN_LENGTH_PENALTY;
  request.length_penalty = 1;
  request.beam_stop = FLLM_BEAM_STOP_FIRST_K;
  EXPECT(fllm_generator_submit(generator, &request, NULL, NULL, &id) == FLLM_OK);
  EXPECT(fllm_generator_wait(generator, id) == FLLM_OK);
  while (fllm_generator_poll(generator, &event, &found) == FLLM_OK && found) {
    EXPECT(event.request == id && !done);
    done = event.request_done;
  }
  EXPECT(done);
  EXPECT(fllm_generator_take(generator, id, &result) == FLLM_OK);
  EXPECT(fllm_result_get_info(result, &info) == FLLM_OK && info.sample_count == 2);
  EXPECT(fllm_result_get_sample(result, 0, &first) == FLLM_OK && fllm_result_get_sample(result, 1, &second) == FLLM_OK);
  EXPECT(first.token_count == 12 && first.beam_score >= second.beam_score && first.beam_logprobs != NULL);
  for (i = 0; i < 12; ++i) sum += first.beam_logprobs[i];
  EXPECT(sum == first.beam_sum && first.beam_sum / 12 == first.beam_score && first.sum_logprob == first.beam_sum);
  fllm_result_destroy(result);

  request.beam_width = 9; /* the batch has 8 rows */
  request.num_return = 0;
  EXPECT(fllm_generator_submit(generator, &request, NULL, NULL, &id) == FLLM_INVALID_ARGUMENT);
  EXPECT(strstr(fllm_last_error(), "beam_width: 9") != NULL);
  request.beam_width = 0;
  EXPECT(fllm_generator_submit(generator, &request, NULL, NULL, &id) == FLLM_INVALID_ARGUMENT);
  EXPECT(strstr(fllm_last_error(), "beam_stop: 2: given without beam_width") != NULL);
  request.beam_width = 2;
  request.beam_stop = 5;
  request.beam_profile = -1;
  request.beam_reserved = 1;
  EXPECT(fllm_generator_submit(generator, &request, NULL, NULL, &id) == FLLM_INVALID_ARGUMENT);
  EXPECT(strstr(fllm_last_error(), "beam_stop: 5") != NULL && strstr(fllm_last_error(), "beam_profile: -1") != NULL);
  EXPECT(strstr(fllm_last_error(), "beam_reserved: 1") != NULL);
}

static void test_speculation(fllm_generator* generator) {
  fllm_request request = request_for("row row row row row", 30);
  const fllm_text choice = text_of("row your boat");
  fllm_result *plain = NULL, *result = NULL;
  fllm_result_info info;
  fllm_sample_info wanted, sample;
  fllm_metrics metrics;
  uint64_t id = 0;
  memset(&info, 0, sizeof info);
  info.struct_size = sizeof info;
  memset(&wanted, 0, sizeof wanted);
  wanted.struct_size = sizeof wanted;
  sample = wanted;
  memset(&metrics, 0, sizeof metrics);
  metrics.struct_size = sizeof metrics;
  EXPECT(fllm_generator_submit(generator, &request, NULL, NULL, &id) == FLLM_OK);
  EXPECT(fllm_generator_wait(generator, id) == FLLM_OK && fllm_generator_take(generator, id, &plain) == FLLM_OK);
  EXPECT(fllm_result_get_info(plain, &info) == FLLM_OK && info.speculative_steps == 0);
  request.speculation = FLLM_SPECULATION_COUPLED;
  request.prompt_lookup = 3;
  request.draft_tokens = 4;
  EXPECT(fllm_generator_submit(generator, &request, NULL, NULL, &id) == FLLM_OK);
  EXPECT(fllm_generator_wait(generator, id) == FLLM_OK && fllm_generator_take(generator, id, &result) == FLLM_OK);
  EXPECT(fllm_result_get_info(result, &info) == FLLM_OK && info.speculative_steps > 0 && info.drafted_tokens > 0);
  EXPECT(info.accepted_tokens <= info.drafted_tokens && info.drafted_steps <= info.speculative_steps);
  EXPECT(fllm_result_get_sample(plain, 0, &wanted) == FLLM_OK && fllm_result_get_sample(result, 0, &sample) == FLLM_OK);
  EXPECT(sample.text.size == wanted.text.size && memcmp(sample.text.bytes, wanted.text.bytes, wanted.text.size) == 0);
  EXPECT(fllm_generator_get_metrics(generator, &metrics) == FLLM_OK && metrics.drafted_tokens == info.drafted_tokens);
  EXPECT(metrics.speculative_tokens == 30);
  fllm_result_destroy(plain);
  fllm_result_destroy(result);

  request.prompt_lookup = 0; /* and there is no draft model */
  EXPECT(fllm_generator_submit(generator, &request, NULL, NULL, &id) == FLLM_INVALID_ARGUMENT);
  EXPECT(strstr(fllm_last_error(), "draft_model") != NULL);
  request.speculation = 3;
  request.draft_forced = 1;
  EXPECT(fllm_generator_submit(generator, &request, NULL, NULL, &id) == FLLM_INVALID_ARGUMENT);
  EXPECT(strstr(fllm_last_error(), "speculation: 3") != NULL);
  request.speculation = FLLM_SPECULATION_NONE;
  EXPECT(fllm_generator_submit(generator, &request, NULL, NULL, &id) == FLLM_INVALID_ARGUMENT);
  EXPECT(strstr(fllm_last_error(), "draft_tokens: 4: given without speculation") != NULL);
  EXPECT(strstr(fllm_last_error(), "draft_forced: 1: given without speculation") != NULL);

  request.speculation = FLLM_SPECULATION_RATIO;
  EXPECT(fllm_generator_submit(generator, &request, NULL, NULL, &id) == FLLM_INVALID_ARGUMENT);
  EXPECT(strstr(fllm_last_error(), "draft_forced: given: needs a constraint") != NULL);
  request.choices = &choice;
  request.choice_count = 1;
  EXPECT(fllm_generator_submit(generator, &request, NULL, NULL, &id) == FLLM_OK);
  EXPECT(fllm_generator_wait(generator, id) == FLLM_OK && fllm_generator_take(generator, id, &result) == FLLM_OK);
  EXPECT(fllm_result_get_info(result, &info) == FLLM_OK && info.drafted_tokens > 3 &&
         info.accepted_tokens == info.drafted_tokens);
  fllm_result_destroy(result);
}

static void test_errors(fllm_generator* generator) {
  fllm_request request = request_for("ROMEO:", 5);
  const int32_t ids[] = {69};
  char long_text[400];
  fllm_result* result = NULL;
  fllm_sample_info sample;
  int32_t all[69], i;
  uint64_t id = 0;
  request.given |= 64;
  request.banned_id_count = 3;
  request.prompt_ids = ids;
  EXPECT(fllm_generator_submit(generator, &request, NULL, NULL, &id) == FLLM_INVALID_ARGUMENT && id == 0);
  EXPECT(strstr(fllm_last_error(), "given: 65") != NULL && strstr(fllm_last_error(), "banned_ids: NULL") != NULL);
  EXPECT(strstr(fllm_last_error(), "prompt_ids: 0: ids beside a text") != NULL);
  request = request_for("", 5);
  request.prompt_ids = ids;
  request.prompt_id_count = 1;
  request.min_p = 3;
  EXPECT(fllm_generator_submit(generator, &request, NULL, NULL, &id) == FLLM_INVALID_ARGUMENT);
  EXPECT(strstr(fllm_last_error(), "min_p: 3") != NULL && strstr(fllm_last_error(), "prompt: 69") != NULL);
  memset(long_text, 'a', sizeof long_text - 1);
  long_text[sizeof long_text - 1] = 0;
  request = request_for(long_text, 5);
  EXPECT(fllm_generator_submit(generator, &request, NULL, NULL, &id) == FLLM_CONTEXT_OVERFLOW);
  request.struct_size = 0;
  EXPECT(fllm_generator_submit(generator, &request, NULL, NULL, &id) == FLLM_INVALID_ARGUMENT);
  EXPECT(fllm_generator_step(NULL, NULL) == FLLM_INVALID_ARGUMENT);
  EXPECT(strcmp(fllm_last_error(), "generator: NULL: must be given") == 0);
  EXPECT(!fllm_generator_finished(NULL, 1) && fllm_generator_finished(generator, 12345));
  EXPECT(strcmp(fllm_status_string(FLLM_CONTEXT_OVERFLOW), "context overflow") == 0);

  for (i = 0; i < 69; ++i) all[i] = i;
  request = request_for("A", 5);
  request.banned_ids = all;
  request.banned_id_count = 69;
  EXPECT(fllm_generator_submit(generator, &request, NULL, NULL, &id) == FLLM_OK);
  EXPECT(fllm_generator_wait(generator, id) == FLLM_OK && fllm_generator_take(generator, id, &result) == FLLM_OK);
  memset(&sample, 0, sizeof sample);
  sample.struct_size = sizeof sample;
  EXPECT(fllm_result_get_sample(result, 0, &sample) == FLLM_OK && sample.error == FLLM_EMPTY_SUPPORT);
  EXPECT(sample.finish_reason == FLLM_FINISH_DEAD_END && strstr(sample.error_message, "banned token ids") != NULL);
  fllm_result_destroy(result);
}

static void test_shared_prompt(fllm_generator* generator) {
  const fllm_request request = request_for("When shall we three meet again? ", 1);
  int64_t cached; /* whole blocks, but for the last token, which is read again */
  for (cached = 0; cached <= 16; cached += 16) {
    fllm_result_info info;
    fllm_result* result = NULL;
    uint64_t id = 0;
    EXPECT(fllm_generator_submit(generator, &request, NULL, NULL, &id) == FLLM_OK);
    EXPECT(fllm_generator_wait(generator, id) == FLLM_OK && fllm_generator_take(generator, id, &result) == FLLM_OK);
    memset(&info, 0, sizeof info);
    info.struct_size = sizeof info;
    EXPECT(fllm_result_get_info(result, &info) == FLLM_OK && info.cached_tokens == cached);
    fllm_result_destroy(result);
  }
}

int main(int argc, char** argv) {
  fllm_generator* generator;
  if (argc != 2) return 2;
  generator = open_model(argv[1]);
  if (generator == NULL) return 1;
  test_model(generator);
  test_poll_and_take(generator);
  test_callbacks(generator);
  test_shared_prompt(generator);
  test_beams(generator);
  test_speculation(generator);
  test_constraints(generator);
  test_custom_constraints(generator);
  test_errors(generator);
  fllm_generator_destroy(generator);
  fllm_generator_destroy(NULL);
  printf("%d failures\n", failures);
  return failures == 0 ? 0 : 1;
}
