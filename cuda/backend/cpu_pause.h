// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace fllm {

/// Tells the core that it waits for another one.
void cpu_pause();

}  // namespace fllm
