// SPDX-License-Identifier: Apache-2.0
#include "cuda/runtime/check.h"

#include <string>

#include "fundamentallm/result.h"

namespace fllm::cuda {
namespace {

ErrorCode code_of(cudaError_t status) {
  switch (status) {
    case cudaErrorMemoryAllocation:
      return ErrorCode::kOutOfMemory;
    case cudaErrorNoDevice:
    case cudaErrorInvalidDevice:
    case cudaErrorInsufficientDriver:
    case cudaErrorNoKernelImageForDevice:
    case cudaErrorUnsupportedPtxVersion:
    case cudaErrorDevicesUnavailable:
      return ErrorCode::kUnsupported;
    // The faults after which CUDA promises nothing but the same error until the process ends.
    case cudaErrorIllegalAddress:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorIllegalInstruction:
    case cudaErrorHardwareStackError:
    case cudaErrorLaunchFailure:
    case cudaErrorLaunchTimeout:
    case cudaErrorAssert:
    case cudaErrorECCUncorrectable:
    case cudaErrorNvlinkUncorrectable:
    case cudaErrorUnknown:
      return ErrorCode::kDeviceLost;
    default:
      return ErrorCode::kInternal;
  }
}

}  // namespace

void check(cudaError_t status, const char* what, SourceLocation where) {
  if (status == cudaSuccess) [[likely]]
    return;
  ignore(cudaGetLastError());
  const ErrorCode code = code_of(status);
  std::string message = code == ErrorCode::kDeviceLost ? "CUDA device lost: " : "CUDA: ";
  message += std::string(what) + ": " + cudaGetErrorString(status) + " (" + cudaGetErrorName(status) + ")";
  if (code == ErrorCode::kInternal || code == ErrorCode::kDeviceLost) {
    const std::string path = where.file_name();
    message += " at " + path.substr(path.find_last_of('/') + 1) + ":" + std::to_string(where.line());
  }
  throw Exception(code, message);
}

void ignore(cudaError_t status) noexcept { static_cast<void>(status); }

}  // namespace fllm::cuda
