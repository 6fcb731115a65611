// SPDX-License-Identifier: Apache-2.0
#include "cuda/backend/cuda_backend.h"

#include <optional>

#include "cuda/backend/cuda_beam_loop.h"
#include "cuda/backend/cuda_beams.h"
#include "cuda/backend/cuda_executor.h"
#include "cuda/backend/cuda_recording.h"
#include "cuda/backend/cuda_sampling.h"
#include "cuda/backend/half_matrix.h"
#include "cuda/backend/kernel_backend.h"
#include "cuda/backend/quantized_matrix.h"
#include "cuda/kernels/resolve_drafts.h"
#include "cuda/runtime/blas.h"
#include "cuda/runtime/check.h"
#include "cuda/runtime/device_buffer.h"
#include "cuda/runtime/device_info.h"
#include "cuda/runtime/staging.h"
#include "cuda/runtime/stream.h"

namespace fllm {
namespace {

class CudaLinearWeight final : public LinearWeight {
 public:
  CudaLinearWeight(std::int32_t out, std::int32_t in, FloatType type, std::size_t bytes)
      : LinearWeight(out, in, static_cast<std::int64_t>(bytes)), type_(type), memory_(bytes) {}

  [[nodiscard]] FloatType type() const { return type_; }
  [[nodiscard]] void* data() const { return memory_.data(); }

 private:
  FloatType type_;
  cuda::DeviceBuffer memory_;
};

cuda::Stream stream_on(std::int32_t device) {
  const cuda::UseDevice scope(device);
  return {};
}

/// Where a backend works. A base of it, so that it is there before the executor.
struct CudaPlace {
  explicit CudaPlace(std::int32_t index) : device(cuda::describe_device(index)), stream(stream_on(index)) {}

  cuda::DeviceInfo device;
  cuda::Stream stream;
};

/// The operations on a CUDA device, in order on one stream.
class CudaBackend final : private CudaPlace, public KernelBackend<cuda::CudaExecutor> {
 public:
  explicit CudaBackend(std::int32_t index);

  [[nodiscard]] std::string description() const override { return device.description(); }
  [[nodiscard]] MemoryInfo memory() const override;
  [[nodiscard]] void* allocate(std::size_t bytes) override;
  void release(void* memory) noexcept override;
  void upload(void* destination, const void* source, std::size_t bytes) override;
  void download(void* destination, const void* source, std::size_t bytes) override;
  void synchronize() override;
  [[nodiscard]] bool poll() override;

  [[nodiscard]] std::unique_ptr<VisibleMemory> allocate_visible(std::size_t bytes) override {
    return cuda::allocate_visible(device.index, bytes);
  }
  [[nodiscard]] bool replay_pays() const override { return true; }
  [[nodiscard]] std::unique_ptr<RecordedWork> record(const std::function<void()>& work) override {
    return cuda::record(device.index, stream.get(), work);
  }
  [[nodiscard]] std::unique_ptr<RecordedWork> record_beams(const std::function<void()>& step,
                                                           const BeamLoop& loop) override {
    return cuda::record_beams({device.index, stream.get(), executor()}, step, loop, cuda::available_loop_form());
  }

  [[nodiscard]] std::unique_ptr<LinearWeight> make_linear(const QuantizedMatrix& weight) override {
    return make_linear(expand_quantized(weight), weight.out, weight.in);
  }
  [[nodiscard]] std::unique_ptr<LinearWeight> make_linear(std::span<const float> weight, std::int32_t out,
                                                          std::int32_t in) override;
  [[nodiscard]] bool has_half_products() const override { return true; }
  [[nodiscard]] std::unique_ptr<LinearWeight> make_linear(const HalfMatrix& weight) override;
  void linear(const LinearParams& params) override;

  [[nodiscard]] cudaStream_t cuda_stream() const { return stream.get(); }

 private:
  std::unique_ptr<LinearWeight> weight_of(const void* elements, std::size_t bytes, std::int32_t out, std::int32_t in,
                                          FloatType type);

  std::optional<cuda::Staging> staging_;  // made on the device
  std::optional<cuda::Blas> blas_;        // made with the first weight: a sampler alone needs no cuBLAS
};

CudaBackend::CudaBackend(std::int32_t index)
    : CudaPlace(index), KernelBackend<cuda::CudaExecutor>(device, stream.get()) {
  const cuda::UseDevice scope(index);
  staging_.emplace();
  prepare_sampling(executor());
  prepare_beams(executor());
  executor().allow_all_shared<ResolveDrafts<float>>();
}

MemoryInfo CudaBackend::memory() const {
  const cuda::UseDevice scope(device.index);
  const cuda::FreeMemory memory = cuda::free_memory();
  return {memory.free_bytes, memory.total_bytes};
}

void* CudaBackend::allocate(std::size_t bytes) {
  const cuda::UseDevice scope(device.index);
  const cudaError_t status = cudaStreamQuery(stream.get());  // a device that is lost says so here
  if (status != cudaErrorNotReady) cuda::check(status, "allocating device memory");
  return cuda::DeviceBuffer(bytes).release();
}

void CudaBackend::release(void* memory) noexcept { cuda::free_device(memory); }

void CudaBackend::upload(void* destination, const void* source, std::size_t bytes) {
  const cuda::UseDevice scope(device.index);
  staging_->upload(destination, source, bytes, stream.get());
}

void CudaBackend::download(void* destination, const void* source, std::size_t bytes) {
  const cuda::UseDevice scope(device.index);
  cuda::check(cudaMemcpyAsync(destination, source, bytes, cudaMemcpyDeviceToHost, stream.get()),
              "copying from the device");
}

void CudaBackend::synchronize() { stream.synchronize(); }

bool CudaBackend::poll() {
  const cudaError_t status = cudaStreamQuery(stream.get());
  if (status == cudaErrorNotReady) return false;
  cuda::check(status, "asking the device for its progress");
  return true;
}

std::unique_ptr<LinearWeight> CudaBackend::weight_of(const void* elements, std::size_t bytes, std::int32_t out,
                                                     std::int32_t in, FloatType type) {
  const cuda::UseDevice scope(device.index);
  if (!blas_) blas_.emplace(stream.get());
  auto linear = std::make_unique<CudaLinearWeight>(out, in, type, bytes);
  upload(linear->data(), elements, bytes);
  return linear;
}

std::unique_ptr<LinearWeight> CudaBackend::make_linear(std::span<const float> weight, std::int32_t out,
                                                       std::int32_t in) {
  return weight_of(weight.data(), weight.size_bytes(), out, in, FloatType::kFloat32);
}

std::unique_ptr<LinearWeight> CudaBackend::make_linear(const HalfMatrix& weight) {
  check_half_matrix(weight);
  return weight_of(weight.elements.data(), weight.elements.size_bytes(), weight.out, weight.in, weight.type);
}

void CudaBackend::linear(const LinearParams& p) {
  if (p.out.rows == 0) return;
  const cuda::UseDevice scope(device.index);
  const auto& weight = static_cast<const CudaLinearWeight&>(*p.weight);
  check_product(p, weight.type());
  // The product is added to the residual where it stands: one pass over memory less than keeping it apart.
  const bool residual = p.epilogue == Epilogue::kBiasResidual;
  const float beta = residual ? 1.0f : 0.0f;
  if (weight.type() == FloatType::kFloat32) {
    blas_->gemm({p.x, static_cast<const float*>(weight.data()), beta, p.out});
  } else {
    const RowView<const std::uint16_t> x{p.half.data, p.x.rows, p.x.cols, p.half.stride};
    blas_->gemm({x, weight.data(), weight.type() == FloatType::kBFloat16, beta, p.out});
  }
  const bool activated = p.epilogue == Epilogue::kBiasGelu || p.epilogue == Epilogue::kBiasGeluTanh;
  if (p.bias == nullptr && !activated) return;
  finish_product(executor(), {p.out, p.bias, residual ? Epilogue::kBias : p.epilogue, p.out, p.rounded});
}

}  // namespace

std::unique_ptr<Backend> make_cuda_backend(std::int32_t device) { return std::make_unique<CudaBackend>(device); }

void* cuda_stream(const Backend& backend) { return static_cast<const CudaBackend&>(backend).cuda_stream(); }

}  // namespace fllm
