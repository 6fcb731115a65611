// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "host/model/architecture.h"

namespace fllm {

/// The beginning of a llama2.c model file, version 0: seven 32-bit integers.
struct Llama2cHeader {
  std::int32_t dim = 0;
  std::int32_t hidden_dim = 0;
  std::int32_t n_layers = 0;
  std::int32_t n_heads = 0;
  std::int32_t n_kv_heads = 0;
  std::int32_t vocab_size = 0;  // negative: the output is a matrix of its own
  std::int32_t seq_len = 0;
};

/// Exception(kBadFormat) lists every violation with source, field, value and what is allowed.
[[nodiscard]] ModelConfig config_from_llama2c(const Llama2cHeader& header, const std::string& source);

}  // namespace fllm
