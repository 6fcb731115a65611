// SPDX-License-Identifier: Apache-2.0
#include "cuda/backend/cuda_backend.h"
#include "cuda/runtime/device_info.h"

namespace fllm {

std::string cuda_unavailable_reason() { return cuda::count_devices().reason; }

}  // namespace fllm
