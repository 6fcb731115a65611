// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <utility>

#include "cuda/backend/backend.h"
#include "cuda/runtime/device_buffer.h"
#include "cuda/runtime/device_info.h"
#include "cuda/runtime/graph.h"

namespace fllm::cuda {

/// Recorded work that is a graph, launched on the stream it was captured from.
class GraphReplay final : public RecordedWork {
 public:
  /// launches: of the graph in a replay, one behind the other. memory: what the graph works with besides.
  GraphReplay(std::int32_t device, cudaStream_t stream, Graph graph, std::int32_t launches = 1,
              DeviceBuffer memory = {})
      : device_(device), stream_(stream), launches_(launches), memory_(std::move(memory)), graph_(std::move(graph)) {}

  void replay() override {
    const UseDevice scope(device_);
    for (std::int32_t i = 0; i < launches_; ++i) graph_.launch(stream_);
  }

 private:
  std::int32_t device_;
  cudaStream_t stream_;
  std::int32_t launches_;
  DeviceBuffer memory_;
  Graph graph_;
};

}  // namespace fllm::cuda
