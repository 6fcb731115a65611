// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdlib>
#include <vector>

#include "host/model/tensor_read.h"
#include "host/model/tensor_source.h"

namespace fllm::fuzz {

/// Reads every tensor, and stops the fuzzer where one cannot be found by its name.
inline void read_tensors(const TensorSource& source) {
  for (const TensorInfo& tensor : source.tensors()) {
    if (source.find(tensor.name) != &tensor) std::abort();
    std::vector<float> values(static_cast<std::size_t>(*element_count(tensor.shape)));
    source.read(tensor, values);
  }
}

}  // namespace fllm::fuzz
