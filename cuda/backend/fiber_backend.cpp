// SPDX-License-Identifier: Apache-2.0
#include "cuda/backend/fiber_backend.h"

#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include "cuda/backend/half_matrix.h"
#include "cuda/backend/make_fiber_backend.h"

namespace fllm {
namespace {

constexpr std::align_val_t kAlignment{64};

class FiberLinearWeight final : public LinearWeight {
 public:
  FiberLinearWeight(std::span<const float> weight, std::int32_t out, std::int32_t in)
      : LinearWeight(out, in, static_cast<std::int64_t>(weight.size_bytes())), values_(weight.begin(), weight.end()) {}
  explicit FiberLinearWeight(const HalfMatrix& weight)
      : LinearWeight(weight.out, weight.in, static_cast<std::int64_t>(weight.elements.size_bytes())),
        type_(weight.type) {
    for (const std::uint16_t element : weight.elements) values_.push_back(half_to_float(weight.type, element));
  }
  [[nodiscard]] const float* row(std::int32_t index) const {
    return values_.data() + std::int64_t{index} * in_features();
  }
  [[nodiscard]] FloatType type() const { return type_; }

 private:
  FloatType type_ = FloatType::kFloat32;
  std::vector<float> values_;  // [out, in]
};

}  // namespace

std::unique_ptr<Backend> make_fiber_backend(const FiberOptions& options) {
  return std::make_unique<FiberBackend>(options);
}

FiberBackend::FiberBackend(const FiberOptions& options) : KernelBackend(options) {}

std::string FiberBackend::description() const {
  const FiberOptions& options = executor().options();
  const std::string threads = options.threads == 0 ? "each kernel's own" : std::to_string(options.threads);
  return "fiber (" + threads + " threads, schedule " + std::to_string(options.schedule) + ")";
}

MemoryInfo FiberBackend::memory() const { return {std::size_t{1} << 30, std::size_t{1} << 30}; }

void* FiberBackend::allocate(std::size_t bytes) {
  void* memory = operator new(bytes, kAlignment);
  std::memset(memory, 0xff, bytes);
  return memory;
}

void FiberBackend::release(void* memory) noexcept { operator delete(memory, kAlignment); }

void FiberBackend::upload(void* destination, const void* source, std::size_t bytes) {
  if (bytes > 0) std::memcpy(destination, source, bytes);
}

void FiberBackend::download(void* destination, const void* source, std::size_t bytes) {
  if (bytes > 0) std::memcpy(destination, source, bytes);
}

std::unique_ptr<LinearWeight> FiberBackend::make_linear(std::span<const float> weight, std::int32_t out,
                                                        std::int32_t in) {
  return std::make_unique<FiberLinearWeight>(weight, out, in);
}

std::unique_ptr<LinearWeight> FiberBackend::make_linear(const HalfMatrix& weight) {
  check_half_matrix(weight);
  return std::make_unique<FiberLinearWeight>(weight);
}

void FiberBackend::linear(const LinearParams& p) {
  const auto& weight = static_cast<const FiberLinearWeight&>(*p.weight);
  check_product(p, weight.type());
  const auto x = [&](std::int32_t row, std::int32_t i) {
    return p.half.data == nullptr ? p.x.row(row)[i] : half_to_float(p.half.type, p.half.data[row * p.half.stride + i]);
  };
  const std::int32_t cols = weight.out_features();
  std::vector<float> product(static_cast<std::size_t>(p.x.rows) * static_cast<std::size_t>(cols));
  for (std::int32_t row = 0; row < p.x.rows; ++row) {
    for (std::int32_t col = 0; col < cols; ++col) {
      float sum = 0;
      for (std::int32_t i = 0; i < weight.in_features(); ++i) sum = fma32(x(row, i), weight.row(col)[i], sum);
      product[static_cast<std::size_t>(row) * static_cast<std::size_t>(cols) + static_cast<std::size_t>(col)] = sum;
    }
  }
  finish_product(executor(), {{product.data(), p.x.rows, cols, cols}, p.bias, p.epilogue, p.out, p.rounded});
}

}  // namespace fllm
