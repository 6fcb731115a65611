// SPDX-License-Identifier: Apache-2.0
#include "cuda/backend/fiber_backend.h"

namespace fllm {

template void KernelBackend<FiberExecutor>::resolve_drafts(LogitType, const ResolveDraftsParams&);

}  // namespace fllm
