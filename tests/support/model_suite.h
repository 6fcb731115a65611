// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/backend/backend.h"

// The model's operations on any backend, against tests/support/model_oracle.h. Bits are equal unless a tolerance is named.
namespace fllm::test {

void run_embed(Backend& backend);
void run_rms_norm(Backend& backend);
void run_layer_norm(Backend& backend);
void run_rope(Backend& backend);
void run_swiglu(Backend& backend);
void run_kv_append(Backend& backend);
/// clusters: whether the backend has clusters of kAttentionChunks blocks, over which positions are spread too.
void run_attention(Backend& backend, bool clusters);
void run_attention_prompts(Backend& backend, bool clusters);
void run_attention_chunks(Backend& backend, bool clusters);
void run_attention_beams(Backend& backend, bool clusters);
void run_attention_degenerate(Backend& backend, bool clusters);
void run_gather_rows(Backend& backend);
void run_copy_blocks(Backend& backend);
/// tolerance: 0 for a backend whose product is the chain of the oracle; a library's sum order differs.
void run_linear(Backend& backend, float tolerance);
/// Results rounded to 16 bits, and products with weights and rows of 16 bits, tolerance as above.
void run_half_rows(Backend& backend, bool clusters);
void run_half_linear(Backend& backend, float tolerance);
/// Arguments that do not fit each other are refused by name.
void run_refused_arguments(Backend& backend);

}  // namespace fllm::test
