// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "cuda/backend/serial_backend.h"
#include "cuda/backend/serial_isa.h"
#include "tests/support/sample_suite.h"

namespace fllm::test {

/// Sanitized programs run the long rows ten times slower and learn nothing more from them.
#if defined(FLLM_SANITIZED)
constexpr SuiteSize kLongSuite = SuiteSize::kFast;
#else
constexpr SuiteSize kLongSuite = SuiteSize::kFull;
#endif

/// The CPU backend for each instruction set this build has kernels for; those this machine lacks are skipped.
class SerialIsas : public ::testing::TestWithParam<SerialIsa> {
 protected:
  void SetUp() override {
    if (!GetParam().usable()) GTEST_SKIP() << "this machine cannot run " << GetParam().name;
  }
  [[nodiscard]] static SerialBackend backend(std::int32_t threads = 1) { return {GetParam().kernels(), threads}; }
  /// In full for the fastest set: the others differ in the loops' bodies, which short rows reach too.
  [[nodiscard]] static SuiteSize long_suite() {
    const SerialIsa* fastest = nullptr;
    for (const SerialIsa& isa : serial_isas()) {
      if (isa.usable()) fastest = &isa;
    }
    return GetParam().kernels == fastest->kernels ? kLongSuite : SuiteSize::kFast;
  }
};

inline std::string isa_name(const ::testing::TestParamInfo<SerialIsa>& info) { return info.param.name; }

}  // namespace fllm::test
