// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime_api.h>

#include "cuda/portable/source_location.h"

namespace fllm::cuda {

/// Throws unless status is cudaSuccess, and clears the thread's last error. `what` says what was tried, for the message.
/// Errors: Exception(kDeviceLost) after a fault that ends the CUDA context, kOutOfMemory, kUnsupported where there is no
/// usable device or the program has no code for it, otherwise kInternal.
void check(cudaError_t status, const char* what, SourceLocation where = SourceLocation::current());

/// For destructors: swallows the error. A fault shows again in the next checked call.
void ignore(cudaError_t status) noexcept;

}  // namespace fllm::cuda
