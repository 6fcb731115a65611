// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

namespace fllm::test {

/// out[i] = first + i for i in [0, count), by way of shared memory: the static part and `dynamic_bytes` of dynamic.
void run_count_up(cudaStream_t stream, std::int32_t* out, std::int32_t count, std::int32_t first,
                  std::size_t dynamic_bytes);
/// Raises the kernel's limit; the most dynamic bytes it may now be launched with.
std::size_t allow_count_up_all_shared(cudaStream_t stream);
/// Writes to address 16.
void run_fault(cudaStream_t stream);

}  // namespace fllm::test
