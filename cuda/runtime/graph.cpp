// SPDX-License-Identifier: Apache-2.0
#include "cuda/runtime/graph.h"

#include "cuda/runtime/check.h"

namespace fllm::cuda {

Graph::~Graph() {
  if (executable_ != nullptr) ignore(cudaGraphExecDestroy(executable_));
}

void Graph::launch(cudaStream_t stream) const { check(cudaGraphLaunch(executable_, stream), "launching a graph"); }

StreamCapture::StreamCapture(cudaStream_t stream) : stream_(stream) {
  // Thread-local: other threads may allocate meanwhile.
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "beginning a capture");
}

StreamCapture::~StreamCapture() {
  if (!open_) return;
  cudaGraph_t graph = nullptr;
  ignore(cudaStreamEndCapture(stream_, &graph));
  if (graph != nullptr) ignore(cudaGraphDestroy(graph));
  ignore(cudaGetLastError());
}

Graph StreamCapture::end() {
  open_ = false;
  cudaGraph_t graph = nullptr;
  check(cudaStreamEndCapture(stream_, &graph), "ending a capture");
  cudaGraphExec_t executable = nullptr;
  const cudaError_t status = cudaGraphInstantiate(&executable, graph, 0);
  ignore(cudaGraphDestroy(graph));
  check(status, "instantiating a graph");
  return Graph(executable);
}

}  // namespace fllm::cuda
