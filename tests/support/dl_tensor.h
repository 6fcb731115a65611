// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "fundamentallm/c_tensors.h"

namespace fllm::test {

inline constexpr std::uint8_t kSigned = 0, kUnsigned = 1, kFloating = 2, kBfloat = 4;

/// A tensor with its shape and strides.
class Tensor {
 public:
  Tensor(void* data, std::uint8_t code, std::uint8_t bits, std::vector<std::int64_t> shape,
         std::vector<std::int64_t> strides = {})
      : shape_(std::move(shape)), strides_(std::move(strides)) {
    value.data = data;
    value.device = {FLLM_DEVICE_CPU, 0};
    value.ndim = static_cast<std::int32_t>(shape_.size());
    value.dtype = {code, bits, 1};
    value.shape = shape_.data();
    value.strides = strides_.empty() ? nullptr : strides_.data();
  }
  Tensor(const Tensor&) = delete;
  Tensor& operator=(const Tensor&) = delete;

  fllm_dl_tensor value{};

 private:
  std::vector<std::int64_t> shape_, strides_;
};

}  // namespace fllm::test
