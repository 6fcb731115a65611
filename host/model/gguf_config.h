// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/model/architecture.h"
#include "host/model/metadata.h"

namespace fllm {

/// The config in a GGUF file's metadata (general.architecture llama, qwen2 or gpt2, and the keys of docs/gguf.md of ggml).
/// The length of tokenizer.ggml.tokens is the vocabulary where no key says it.
/// Exception(kBadFormat) lists every violation with source, key, value and what is allowed; kUnsupported where the model is
/// of another architecture, or has experts, a sliding window, YaRN, capped logits or scales that this library lacks.
[[nodiscard]] ModelConfig config_from_gguf(const MetadataView& metadata);

}  // namespace fllm
