/* SPDX-License-Identifier: Apache-2.0 */
/* Compiles: DLTensor is what the functions take where dlpack.h came first. */
#include "tests/abi/dlpack_types.h"
/* */
#include "fundamentallm/c_api.h"

fllm_status sample_dltensors(fllm_sampler* sampler, const DLTensor* logits, const DLTensor* tokens);

fllm_status sample_dltensors(fllm_sampler* sampler, const DLTensor* logits, const DLTensor* tokens) {
  fllm_sample_tensors tensors = {0};
  tensors.struct_size = sizeof tensors;
  tensors.logits = logits;
  tensors.tokens = tokens;
  return fllm_sample_dl(sampler, &tensors, NULL, NULL);
}
