// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstdlib>

#include "host/model/architecture.h"

namespace fllm::fuzz {

/// Ends the program for a config that no reader may let through.
inline void check_heads(const ModelConfig& config) {
  const std::int64_t width = std::int64_t{config.num_heads} * config.head_dim;
  if (config.vocab_size < 1 || width < 1 || width > 65536 || config.num_heads % config.num_kv_heads != 0) std::abort();
}

}  // namespace fllm::fuzz
