// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "cuda/backend/backend.h"

// The way to CUDA from code that knows nothing of CUDA. A build without it links no_cuda.cpp in its place.
namespace fllm {

/// Why no CUDA device can be used ("no CUDA driver: …"); empty when there is at least one.
[[nodiscard]] std::string cuda_unavailable_reason();

/// A backend on CUDA device `device`, counted from 0.
/// Errors: Exception(kUnsupported) with the reason when there is no such device, or cuBLAS cannot be loaded.
[[nodiscard]] std::unique_ptr<Backend> make_cuda_backend(std::int32_t device);

/// The stream (a cudaStream_t) of a backend made by make_cuda_backend: to enqueue work in order with its operations, or to
/// capture them in a graph.
[[nodiscard]] void* cuda_stream(const Backend& backend);

}  // namespace fllm
