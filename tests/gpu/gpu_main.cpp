// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "cuda/backend/cuda_backend.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const std::string reason = fllm::cuda_unavailable_reason();
  if (!reason.empty()) {
    std::printf("skipped: %s; FLLM_GPU_RUNNER names no program that supplies one\n", reason.c_str());
    return 77;  // SKIP_RETURN_CODE
  }
  return RUN_ALL_TESTS();
}
