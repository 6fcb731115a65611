// SPDX-License-Identifier: Apache-2.0
#include "cuda/backend/fiber_backend.h"

namespace fllm {

template void KernelBackend<FiberExecutor>::history_append(const HistoryAppendParams&);
template void KernelBackend<FiberExecutor>::commit_rows(const CommitRowsParams&);
template void KernelBackend<FiberExecutor>::extend_drafts(const DraftLoopParams&);
template void KernelBackend<FiberExecutor>::propose_drafts(const DraftLoopParams&);
template void KernelBackend<FiberExecutor>::commit_drafts(const DraftLoopParams&);

}  // namespace fllm
