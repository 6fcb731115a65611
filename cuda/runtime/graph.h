// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime_api.h>

#include <utility>

namespace fllm::cuda {

/// Work recorded from a stream, ready to be launched any number of times. Move-only.
class Graph {
 public:
  Graph() = default;
  Graph(Graph&& other) noexcept : executable_(std::exchange(other.executable_, nullptr)) {}
  Graph& operator=(Graph&& other) noexcept {
    std::swap(executable_, other.executable_);
    return *this;
  }
  ~Graph();

  /// Enqueues the recorded work. Precondition: made by a capture.
  void launch(cudaStream_t stream) const;

 private:
  friend class StreamCapture;
  friend class LoopCapture;
  explicit Graph(cudaGraphExec_t executable) : executable_(executable) {}
  cudaGraphExec_t executable_ = nullptr;
};

/// While it lives, what the calling thread enqueues on the stream is recorded as the body of a loop, which a launch of the graph
/// runs until the body sets its condition to 0 (cudaGraphSetConditional), at least once. Needs CUDA 12.4. Dropped without
/// end(), the recording is thrown away.
class LoopCapture {
 public:
  explicit LoopCapture(cudaStream_t stream);
  ~LoopCapture();
  LoopCapture(const LoopCapture&) = delete;
  LoopCapture& operator=(const LoopCapture&) = delete;

  [[nodiscard]] cudaGraphConditionalHandle condition() const { return condition_; }
  [[nodiscard]] Graph end();

 private:
  cudaStream_t stream_;
  cudaGraph_t graph_ = nullptr;
  cudaGraphConditionalHandle condition_ = 0;
  bool open_ = false;
};

/// While it lives, what the calling thread enqueues on the stream is recorded, not run. Dropped without end(), the
/// recording is thrown away.
class StreamCapture {
 public:
  explicit StreamCapture(cudaStream_t stream);
  ~StreamCapture();
  StreamCapture(const StreamCapture&) = delete;
  StreamCapture& operator=(const StreamCapture&) = delete;

  [[nodiscard]] Graph end();

 private:
  cudaStream_t stream_;
  bool open_ = true;
};

}  // namespace fllm::cuda
