// SPDX-License-Identifier: Apache-2.0
#include "cuda/backend/cuda_launch.h"
#include "cuda/kernels/commit_drafts.h"
#include "cuda/kernels/commit_rows.h"
#include "cuda/kernels/extend_drafts.h"
#include "cuda/kernels/history_append.h"
#include "cuda/kernels/propose_drafts.h"

namespace fllm::cuda {

template void CudaExecutor::launch<HistoryAppend>(LaunchShape, const HistoryAppendParams&) const;
template void CudaExecutor::launch<CommitRows>(LaunchShape, const CommitRowsParams&) const;
template void CudaExecutor::launch<ExtendDrafts>(LaunchShape, const DraftLoopParams&) const;
template void CudaExecutor::launch<ProposeDrafts>(LaunchShape, const DraftLoopParams&) const;
template void CudaExecutor::launch<CommitDrafts>(LaunchShape, const DraftLoopParams&) const;
template std::size_t CudaExecutor::allow_all_shared<HistoryAppend>() const;

}  // namespace fllm::cuda
