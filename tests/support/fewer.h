// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace fllm::test {

/// Sanitized programs run many times slower and learn nothing more from the hundredth case.
#if defined(FLLM_SANITIZED)
inline constexpr int kFewer = 5;
#else
inline constexpr int kFewer = 1;
#endif

}  // namespace fllm::test
