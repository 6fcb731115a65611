/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/abi/c_generator_checks.h"

void test_constraints(fllm_generator* generator) {
  fllm_request request = request_for("ROMEO:", 300);
  const fllm_text choices[2] = {text_of("yea"), text_of("yea")}, speakers[2] = {text_of("A"), text_of("B")};
  fllm_sample_info sample;
  fllm_result* result;
  uint64_t id = 0;
  request.choices = choices;
  request.choice_count = 2;
  result = finished(generator, &request);
  EXPECT(is(text_in(result, &sample), "yea") && sample.finish_reason == FLLM_FINISH_EOS);
  fllm_result_destroy(result);
  request.any_json = 1;
  EXPECT(fllm_generator_submit(generator, &request, NULL, NULL, &id) == FLLM_INVALID_ARGUMENT);
  EXPECT(strstr(fllm_last_error(), "one of choices, regex") != NULL);

  request = request_for("ROMEO:", 300);
  request.regex = text_of("xy{3}");
  result = finished(generator, &request);
  EXPECT(is(text_in(result, &sample), "xyyy") && sample.finish_reason == FLLM_FINISH_EOS);
  fllm_result_destroy(result);
  request.any_order = 1;
  EXPECT(fllm_generator_submit(generator, &request, NULL, NULL, &id) == FLLM_INVALID_ARGUMENT);
  EXPECT(strstr(fllm_last_error(), "any_order: 1: given without json_schema") != NULL);
  request = request_for("ROMEO:", 300);
  request.regex.size = 1; /* and no text */
  EXPECT(fllm_generator_submit(generator, &request, NULL, NULL, &id) == FLLM_INVALID_ARGUMENT);
  request = request_for("ROMEO:", 300);
  request.json_schema = text_of("{\"const\":null}");
  result = finished(generator, &request);
  EXPECT(is(text_in(result, &sample), "null"));
  fllm_result_destroy(result);
  request.json_schema = text_of("{\"not\":{}}");
  EXPECT(fllm_generator_submit(generator, &request, NULL, NULL, &id) == FLLM_INVALID_ARGUMENT);
  EXPECT(strstr(fllm_last_error(), "\"not\"") != NULL);

  request = request_for("ROMEO:", 300);
  request.speakers = speakers;
  request.speaker_count = 2;
  request.turns = 1;
  result = finished(generator, &request);
  EXPECT(text_in(result, &sample).size > 4 && memcmp(sample.text.bytes, "A: ", 3) == 0);
  fllm_result_destroy(result);
  request = request_for("ROMEO:", 40);
  request.any_json = 1;
  request.prefix = text_of("nu");
  result = finished(generator, &request);
  EXPECT(is(text_in(result, &sample), "null") && sample.finish_reason == FLLM_FINISH_EOS);
  fllm_result_destroy(result);
}
