// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "host/model/architecture.h"
#include "host/model/metadata.h"

namespace fllm {

/// One key of a config, from wherever it was read.
struct ConfigField {
  std::string key;
  MetadataValue value;  // a string also for what has no place in a config: "a list"
};

/// Checks the keys and ranges of FundamentaLLM's model config: vocab_size is needed, the others have defaults; hidden_dim
/// and model_dim mean d_model, max_seq_len means sequence_length; any other key is refused.
/// Exception(kBadFormat) lists every violation with source, key, value and what is allowed; kUnsupported: "rope".
[[nodiscard]] ModelConfig check_config(const std::vector<ConfigField>& fields, const std::string& source);

}  // namespace fllm
