// SPDX-License-Identifier: Apache-2.0
#include "cuda/runtime/graph.h"

#include "cuda/runtime/check.h"

namespace fllm::cuda {
namespace {

/// Takes the graph.
cudaGraphExec_t instantiate(cudaGraph_t graph) {
  cudaGraphExec_t executable = nullptr;
  const cudaError_t status = cudaGraphInstantiate(&executable, graph, 0);
  ignore(cudaGraphDestroy(graph));
  check(status, "instantiating a graph");
  return executable;
}

}  // namespace

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
  return Graph(instantiate(graph));
}

LoopCapture::LoopCapture(cudaStream_t stream) : stream_(stream) {
  check(cudaGraphCreate(&graph_, 0), "making a graph");
  try {
    check(cudaGraphConditionalHandleCreate(&condition_, graph_, 1, cudaGraphCondAssignDefault), "making a condition");
    cudaGraphNodeParams loop{};
    loop.type = cudaGraphNodeTypeConditional;
    loop.conditional.handle = condition_;
    loop.conditional.type = cudaGraphCondTypeWhile;
    loop.conditional.size = 1;
    cudaGraphNode_t node = nullptr;
    check(cudaGraphAddNode(&node, graph_, nullptr, nullptr, 0, &loop), "adding a loop to a graph");
    check(cudaStreamBeginCaptureToGraph(stream, loop.conditional.phGraph_out[0], nullptr, nullptr, 0,
                                        cudaStreamCaptureModeThreadLocal),
          "beginning the capture of a loop");
  } catch (...) {
    ignore(cudaGraphDestroy(graph_));
    throw;
  }
  open_ = true;
}

LoopCapture::~LoopCapture() {
  cudaGraph_t body = nullptr;  // belongs to the graph
  if (open_) ignore(cudaStreamEndCapture(stream_, &body));
  if (graph_ != nullptr) ignore(cudaGraphDestroy(graph_));
  ignore(cudaGetLastError());
}

Graph LoopCapture::end() {
  open_ = false;
  cudaGraph_t body = nullptr;
  check(cudaStreamEndCapture(stream_, &body), "ending the capture of a loop");
  return Graph(instantiate(std::exchange(graph_, nullptr)));
}

}  // namespace fllm::cuda
