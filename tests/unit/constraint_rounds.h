// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace fllm::test {

/// Random languages are compiled a hundred times slower under the sanitizers, which learn all they can from a few.
#if defined(FLLM_SANITIZED)
inline constexpr int kFewerLanguages = 20;
#else
inline constexpr int kFewerLanguages = 1;
#endif

}  // namespace fllm::test
