// SPDX-License-Identifier: Apache-2.0
#include "cuda/backend/fiber_backend.h"

namespace fllm {

template void KernelBackend<FiberExecutor>::embed(const EmbedParams&);
template void KernelBackend<FiberExecutor>::rms_norm(const RmsNormParams&);
template void KernelBackend<FiberExecutor>::layer_norm(const LayerNormParams&);
template void KernelBackend<FiberExecutor>::rope(const RopeParams&);
template void KernelBackend<FiberExecutor>::swiglu(const SwiGluParams&);
template void KernelBackend<FiberExecutor>::kv_append(const KvAppendParams&);
template std::int32_t KernelBackend<FiberExecutor>::attention_chunk_rows(std::int32_t, const AttentionHeads&) const;
template void KernelBackend<FiberExecutor>::attention(const AttentionParams&);
template void KernelBackend<FiberExecutor>::gather_rows(const GatherRowsParams&);
template void KernelBackend<FiberExecutor>::copy_blocks(const CopyBlocksParams&);

}  // namespace fllm
