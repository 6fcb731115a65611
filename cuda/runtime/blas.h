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

/// The same of 16-bit x and weight, of one type; sums in binary32.
struct HalfGemmParams {
  RowView<const std::uint16_t> x;  // [rows, in]
  const void* weight = nullptr;    // [out, in], row-major
  bool bfloat16 = false;           // else binary16
  float beta = 0;
  RowView<float> out;  // [rows, out]
};

/// cuBLAS on one stream. The library is loaded with the first object, not with the program: it is several hundred
/// megabytes, and machines without it must still run the CPU backend. Sums in binary32 throughout, also in parts of a product:
/// no TF32, no atomics, so equal shapes give equal bits. Move-only; used by one thread at a time.
class Blas {
 public:
  /// Errors: Exception(kUnsupported) naming the library and what the loader said.
  explicit Blas(cudaStream_t stream);
  Blas(Blas&&) noexcept;
  Blas& operator=(Blas&&) noexcept;
  ~Blas();

  /// Enqueues the product; may be captured in a graph. Precondition: no dimension is zero.
  void gemm(const GemmParams& params) const;
  void gemm(const HalfGemmParams& params) const;

 private:
  struct State;
  void use(int mode) const;

  std::unique_ptr<State> state_;
};

}  // namespace fllm::cuda
