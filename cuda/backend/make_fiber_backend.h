// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "cuda/backend/backend.h"
#include "cuda/launch/fiber_executor.h"

namespace fllm {

/// A FiberBackend, for those who are not compiled anew when a kernel changes.
[[nodiscard]] std::unique_ptr<Backend> make_fiber_backend(const FiberOptions& options);

}  // namespace fllm
