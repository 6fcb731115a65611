// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "host/model/architecture.h"

namespace fllm {

/// The config in the text of a config.json of Hugging Face transformers: LlamaForCausalLM, MistralForCausalLM,
/// Qwen2ForCausalLM, GPT2LMHeadModel, with the defaults of their configuration classes. Keys nothing here needs are passed
/// over. source: the file's name. Exception(kBadFormat) lists every violation with source, key, value and what is allowed;
/// kUnsupported where the model has a sliding window, other rotary scalings, biases, activations or quantisation.
[[nodiscard]] ModelConfig config_from_huggingface(const std::string& text, const std::string& source);

}  // namespace fllm
