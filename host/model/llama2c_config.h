// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/model/architecture.h"
#include "host/model/llama2c_file.h"

namespace fllm {

/// The config that a checked header of llama2.c describes: a Llama with interleaved rotation of base 10,000.
[[nodiscard]] ModelConfig config_from_llama2c(const Llama2cHeader& header);

}  // namespace fllm
