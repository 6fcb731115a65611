// SPDX-License-Identifier: Apache-2.0
#include "cuda/backend/cuda_launch.h"
#include "cuda/kernels/attention.h"
#include "cuda/kernels/copy_blocks.h"
#include "cuda/kernels/embed.h"
#include "cuda/kernels/epilogue.h"
#include "cuda/kernels/gather_rows.h"
#include "cuda/kernels/join_chunks.h"
#include "cuda/kernels/kv_append.h"
#include "cuda/kernels/layer_norm.h"
#include "cuda/kernels/rms_norm.h"
#include "cuda/kernels/rope.h"
#include "cuda/kernels/swiglu.h"

namespace fllm::cuda {

template void CudaExecutor::launch<Attention>(LaunchShape, const AttentionParams&) const;
template void CudaExecutor::launch<CopyBlocks>(LaunchShape, const CopyBlocksParams&) const;
template void CudaExecutor::launch<Embed>(LaunchShape, const EmbedParams&) const;
template void CudaExecutor::launch<EpilogueKernel>(LaunchShape, const EpilogueParams&) const;
template void CudaExecutor::launch<GatherRows>(LaunchShape, const GatherRowsParams&) const;
template void CudaExecutor::launch<JoinChunks>(LaunchShape, const AttentionParams&) const;
template void CudaExecutor::launch<KvAppend>(LaunchShape, const KvAppendParams&) const;
template void CudaExecutor::launch<LayerNorm>(LaunchShape, const LayerNormParams&) const;
template void CudaExecutor::launch<RmsNorm>(LaunchShape, const RmsNormParams&) const;
template void CudaExecutor::launch<Rope>(LaunchShape, const RopeParams&) const;
template void CudaExecutor::launch<SwiGlu>(LaunchShape, const SwiGluParams&) const;

}  // namespace fllm::cuda
