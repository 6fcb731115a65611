// SPDX-License-Identifier: Apache-2.0
#include "cuda/runtime/blas.h"

#include <cublas_v2.h>
#include <dlfcn.h>

#include <string>

#include "cuda/runtime/check.h"
#include "fundamentallm/result.h"

namespace fllm::cuda {
namespace {

/// cublasGemmEx, whose name is overloaded in C++.
using GemmEx = cublasStatus_t (*)(cublasHandle_t, cublasOperation_t, cublasOperation_t, int, int, int, const void*,
                                  const void*, cudaDataType, int, const void*, cudaDataType, int, const void*, void*,
                                  cudaDataType, int, cublasComputeType_t, cublasGemmAlgo_t);

/// The calls this library needs. One load per process: unloading a library of its kind is not safe.
struct Functions {
  decltype(&cublasCreate_v2) create;
  decltype(&cublasDestroy_v2) destroy;
  decltype(&cublasSetStream_v2) set_stream;
  decltype(&cublasSetWorkspace_v2) set_workspace;
  decltype(&cublasSetMathMode) set_math_mode;
  decltype(&cublasSetAtomicsMode) set_atomics_mode;
  decltype(&cublasSgemm_v2) sgemm;
  GemmEx gemm_ex;
};

template <class Function>
void find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  if (function == nullptr) throw Exception(ErrorCode::kUnsupported, std::string("cuBLAS lacks ") + name);
}

Functions load() {
  const std::string name = "libcublas.so." + std::to_string(CUBLAS_VER_MAJOR);
  // The second place is where NVIDIA's installers put it without telling the loader.
  const std::string installed = "/usr/local/cuda/lib64/" + name;
  void* library = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  const std::string reason = library == nullptr ? dlerror() : "";
  if (library == nullptr) library = dlopen(installed.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    throw Exception(ErrorCode::kUnsupported, "cuBLAS is needed to run a model on CUDA: " + reason + "; also tried: " +
                                                 installed + " (LD_LIBRARY_PATH can name its folder)");
  }
  Functions f{};
  find(library, "cublasCreate_v2", f.create);
  find(library, "cublasDestroy_v2", f.destroy);
  find(library, "cublasSetStream_v2", f.set_stream);
  find(library, "cublasSetWorkspace_v2", f.set_workspace);
  find(library, "cublasSetMathMode", f.set_math_mode);
  find(library, "cublasSetAtomicsMode", f.set_atomics_mode);
  find(library, "cublasSgemm_v2", f.sgemm);
  find(library, "cublasGemmEx", f.gemm_ex);
  return f;
}

void check_blas(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) [[likely]]
    return;
  check(cudaGetLastError(), what);  // the CUDA error behind it says more
  const ErrorCode code = status == CUBLAS_STATUS_ALLOC_FAILED       ? ErrorCode::kOutOfMemory
                         : status == CUBLAS_STATUS_EXECUTION_FAILED ? ErrorCode::kDeviceLost
                         : status == CUBLAS_STATUS_ARCH_MISMATCH    ? ErrorCode::kUnsupported
                                                                    : ErrorCode::kInternal;
  throw Exception(code, std::string("cuBLAS: ") + what + ": status " + std::to_string(static_cast<int>(status)));
}

}  // namespace

struct Blas::State {
  const Functions& f;
  cublasHandle_t handle = nullptr;
  DeviceBuffer workspace;
  int math_mode = -1;  // cublasMath_t

  State() : f(functions()) { check_blas(f.create(&handle), "making a handle"); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (handle != nullptr) static_cast<void>(f.destroy(handle));
  }

  static const Functions& functions() {
    static const Functions kLoaded = load();
    return kLoaded;
  }
};

Blas::Blas(cudaStream_t stream) : state_(std::make_unique<State>()) {
  // What NVIDIA recommends for Hopper; given beforehand so that no product allocates and captured ones own their memory.
  constexpr std::size_t kWorkspaceBytes = std::size_t{32} << 20;
  const Functions& f = state_->f;
  check_blas(f.set_stream(state_->handle, stream), "choosing the stream");
  state_->workspace = DeviceBuffer(kWorkspaceBytes);
  check_blas(f.set_workspace(state_->handle, state_->workspace.data(), kWorkspaceBytes), "setting the workspace");
  check_blas(f.set_atomics_mode(state_->handle, CUBLAS_ATOMICS_NOT_ALLOWED), "refusing atomics");
}

Blas::Blas(Blas&&) noexcept = default;
Blas& Blas::operator=(Blas&&) noexcept = default;
Blas::~Blas() = default;

void Blas::use(int mode) const {
  if (mode == state_->math_mode) return;
  check_blas(state_->f.set_math_mode(state_->handle, static_cast<cublasMath_t>(mode)), "choosing how to add up");
  state_->math_mode = mode;
}

void Blas::gemm(const GemmParams& p) const {
  // cuBLAS counts by columns, so it sees every row-major matrix transposed: out^T = W x^T.
  const float alpha = 1;
  use(CUBLAS_PEDANTIC_MATH);
  check_blas(state_->f.sgemm(state_->handle, CUBLAS_OP_T, CUBLAS_OP_N, p.out.cols, p.out.rows, p.x.cols, &alpha,
                             p.weight, p.x.cols, p.x.data, static_cast<int>(p.x.stride), &p.beta, p.out.data,
                             static_cast<int>(p.out.stride)),
             "multiplying matrices");
}

void Blas::gemm(const HalfGemmParams& p) const {
  // Tensor cores, but no partial sum in 16 bits.
  use(CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION);
  const float alpha = 1;
  const cudaDataType type = p.bfloat16 ? CUDA_R_16BF : CUDA_R_16F;
  check_blas(
      state_->f.gemm_ex(state_->handle, CUBLAS_OP_T, CUBLAS_OP_N, p.out.cols, p.out.rows, p.x.cols, &alpha, p.weight,
                        type, p.x.cols, p.x.data, type, static_cast<int>(p.x.stride), &p.beta, p.out.data, CUDA_R_32F,
                        static_cast<int>(p.out.stride), CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT),
      "multiplying matrices of 16 bits");
}

}  // namespace fllm::cuda
