// SPDX-License-Identifier: Apache-2.0
#include "cuda/backend/cuda_backend.h"
#include "cuda/backend/sampler_backend.h"
#include "fundamentallm/result.h"

namespace fllm {

std::string cuda_unavailable_reason() { return "this build has no CUDA backend (FLLM_CUDA=OFF, or no CUDA compiler)"; }

namespace {

[[noreturn]] void refuse(std::int32_t device) {
  throw Exception(ErrorCode::kUnsupported, "device cuda:" + std::to_string(device) + ": " + cuda_unavailable_reason());
}

}  // namespace

std::unique_ptr<Backend> make_cuda_backend(std::int32_t device) { refuse(device); }
std::unique_ptr<SamplerBackend> make_cuda_sampler(std::int32_t device) { refuse(device); }

}  // namespace fllm
