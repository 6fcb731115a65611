// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "cuda/backend/cuda_backend.h"
#include "cuda/runtime/device_info.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const std::string reason = fllm::cuda_unavailable_reason();
  if (!reason.empty()) {
    std::printf("skipped: %s; FLLM_GPU_RUNNER names no program that supplies one\n", reason.c_str());
    return 77;  // SKIP_RETURN_CODE
  }
  std::printf("device: %s; %s\n", fllm::cuda::describe_device(0).description().c_str(),
              fllm::cuda::describe_driver().c_str());
  return RUN_ALL_TESTS();
}
