// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>

#include "fundamentallm/c_api.h"
#include "host/util/violations.h"

namespace fllm {

/// Where a sampler reads and writes, in DLPack's numbers.
struct TensorDevice {
  std::int32_t type = FLLM_DEVICE_CPU;
  std::int32_t index = 0;
};

/// What an element must be.
enum class Element {
  kFloat32,
  kInt32,   // signed or unsigned
  kInt64,   // signed or unsigned
  kWord32,  // 32 bits of anything
};

/// What a dimension must be.
struct Extent {
  enum Kind { kNone, kExact, kFree } kind = kNone;
  std::int64_t count = 0;  // kExact
};

/// What a shape must be: dimensions up to the first kNone.
struct Extents {
  Extent list[3];

  [[nodiscard]] std::size_t rank() const {
    std::size_t count = 0;
    while (count < std::size(list) && list[count].kind != Extent::kNone) ++count;
    return count;
  }
};

/// A DLPack tensor whose description makes sense. Nothing here reads its data.
class TensorView {
 public:
  /// Checks device, type and shape as such; adds what is wrong under this name, and gives nothing then.
  static std::optional<TensorView> open(const char* name, const fllm_dl_tensor& tensor, const TensorDevice& device,
                                        Violations& found);

  [[nodiscard]] void* data() const;  // NULL without elements
  [[nodiscard]] bool empty() const;
  [[nodiscard]] std::size_t bytes() const;
  [[nodiscard]] std::size_t rank() const { return static_cast<std::size_t>(tensor_->ndim); }
  [[nodiscard]] std::int64_t extent(std::size_t dimension) const { return tensor_->shape[dimension]; }
  [[nodiscard]] std::string shape_text() const;  // "shape [2, 3]"
  [[nodiscard]] std::string dtype_text() const;  // "float64"
  /// FLLM_FLOAT32 and so on, when it is one of them.
  [[nodiscard]] std::optional<std::int32_t> logits_dtype() const;

  bool matches(Element element, const Extents& extents, Violations& found) const;
  /// Row-major without gaps.
  void require_compact(Violations& found) const;
  /// Elements between the rows of a matrix (of what is left of its dimensions, all but the last one row), whose last
  /// dimension must have no gaps and whose rows must not overlap.
  std::int64_t row_stride(Violations& found) const;

 private:
  TensorView(const char* name, const fllm_dl_tensor& tensor) : name_(name), tensor_(&tensor) {}
  [[nodiscard]] bool is(Element element) const;
  [[nodiscard]] bool has(const Extents& extents) const;
  [[nodiscard]] std::string strides_text() const;  // "strides [1, 2]"

  const char* name_;
  const fllm_dl_tensor* tensor_;
};

}  // namespace fllm
