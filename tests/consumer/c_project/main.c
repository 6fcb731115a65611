/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "fundamentallm/c_api.h"

static int complain(void) {
  fprintf(stderr, "%s\n", fllm_last_error());
  return 1;
}

/* c_consumer: draws a token for each of two rows on the CPU and prints them. Exit 0 when they are drawn. */
int main(void) {
  const float logits[2 * 5] = {0, 1, 2, 3, 4, 5, 4, 3, 2, 1}, temperature[2] = {0, 0};
  int32_t tokens[2] = {-1, -1};
  size_t bytes = 0;
  fllm_sampler* sampler = NULL;
  fllm_sampler_options options = {0};
  fllm_sample_args args = {0};
  options.struct_size = sizeof options;
  options.device_type = FLLM_DEVICE_CPU;
  options.threads = 1;
  if (fllm_sampler_create(&options, &sampler) != FLLM_OK) return complain();

  args.struct_size = sizeof args;
  args.logits = logits;
  args.rows = 2;
  args.vocab = 5;
  args.tokens = tokens;
  args.temperature = temperature;
  if (fllm_sampler_workspace_size(sampler, &args, &bytes) != FLLM_OK) return complain();
  args.workspace = malloc(bytes);
  args.workspace_bytes = bytes;
  if (fllm_sample(sampler, &args, NULL) != FLLM_OK) return complain();
  printf("%s: %d %d\n", fllm_version(), (int)tokens[0], (int)tokens[1]);
  free(args.workspace);
  fllm_sampler_destroy(sampler);
  return tokens[0] == 4 && tokens[1] == 0 ? 0 : 1;
}
