// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "cuda/backend/serial_backend.h"
#include "cuda/backend/serial_isa.h"
#include "tests/support/sample_suite.h"

namespace fllm::test {

/// The CPU backend for each instruction set this build has kernels for; those this machine lacks are skipped.
class SerialIsas : public ::testing::TestWithParam<SerialIsa> {
 protected:
  void SetUp() override {
    if (!GetParam().usable()) GTEST_SKIP() << "this machine cannot run " << GetParam().name;
  }
  [[nodiscard]] static SerialBackend backend(std::int32_t threads = 1) { return {GetParam().kernels(), threads}; }
  /// Whether it is the one this machine uses.
  [[nodiscard]] static bool is_chosen() { return &GetParam().kernels() == &choose_serial_kernels(); }
};

inline std::string isa_name(const ::testing::TestParamInfo<SerialIsa>& info) { return info.param.name; }

/// Sanitized programs run the long rows ten times slower and learn nothing more from them.
#if defined(FLLM_SANITIZED)
constexpr SuiteSize kLongSuite = SuiteSize::kFast;
#else
constexpr SuiteSize kLongSuite = SuiteSize::kFull;
#endif

}  // namespace fllm::test
