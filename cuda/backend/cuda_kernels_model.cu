// SPDX-License-Identifier: Apache-2.0
#include "cuda/backend/cuda_launch.h"
#include "cuda/kernels/attention.h"
#include "cuda/kernels/copy_blocks.h"
#include "cuda/kernels/embed.h"
#include "cuda/kernels/epilogue.h"
#include "cuda/kernels/gather_rows.h"
#include "cuda/kernels/kv_append.h"
#include "cuda/kernels/rms_norm.h"

namespace fllm::cuda {

template void CudaExecutor::launch<Attention>(LaunchShape, const AttentionParams&) const;
template void CudaExecutor::launch<CopyBlocks>(LaunchShape, const CopyBlocksParams&) const;
template void CudaExecutor::launch<Embed>(LaunchShape, const EmbedParams&) const;
template void CudaExecutor::launch<EpilogueKernel>(LaunchShape, const EpilogueParams&) const;
template void CudaExecutor::launch<GatherRows>(LaunchShape, const GatherRowsParams&) const;
template void CudaExecutor::launch<KvAppend>(LaunchShape, const KvAppendParams&) const;
template void CudaExecutor::launch<RmsNorm>(LaunchShape, const RmsNormParams&) const;

}  // namespace fllm::cuda
