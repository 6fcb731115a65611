// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <memory>

#include "cuda/portable/row_view.h"
#include "cuda/runtime/device_buffer.h"

namespace fllm::cuda {

/// out = x W^T + beta * out; all on the device.
struct GemmParams {
  RowView<const float> x;         // [rows, in]
  const float* weight = nullptr;  // [out, in], row-major
  float beta = 0;
  RowView<float> out;  // [rows, out]
};

/// cuBLAS on one stream. The library is loaded with the first object, not with the program: it is several hundred
/// megabytes, and machines without it must still run the CPU backend. Binary32 throughout: no TF32, no atomics, so equal
/// shapes give equal bits. Move-only; used by one thread at a time.
class Blas {
 public:
  /// Errors: Exception(kUnsupported) naming the library and what the loader said.
  explicit Blas(cudaStream_t stream);
  Blas(Blas&&) noexcept;
  Blas& operator=(Blas&&) noexcept;
  ~Blas();

  /// Enqueues the product; may be captured in a graph. Precondition: no dimension is zero.
  void gemm(const GemmParams& params) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fllm::cuda
