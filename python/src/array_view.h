// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "fundamentallm/c_api.h"

namespace fllm::python {

/// Where the arrays of a call must be, in DLPack's numbers.
struct Device {
  std::int32_t type = FLLM_DEVICE_CPU;
  std::int32_t index = 0;
};

/// What a call does with an array.
enum class Access { kRead, kWrite };

/// A Python array for the length of a call: its memory, not a copy. Needs the GIL to be made and to go away.
class ArrayView {
 public:
  /// name: of the argument, for messages. On CUDA the array is taken as the call's stream finds it; its framework is told to
  /// order nothing.
  /// Errors: TypeError when it is no array, ValueError when it cannot be written, and what its framework raises.
  /// No gradient flows through a call: a tensor that has one is read as any other, and cannot be written.
  ArrayView(const char* name, nanobind::handle array, Access access, const Device& device);

  /// Valid as long as the view.
  [[nodiscard]] fllm_dl_tensor tensor() const;

  /// The address of words of so many bits on the device, in this shape and without gaps; -1: any extent. ValueError
  /// otherwise.
  [[nodiscard]] void* words(int bits, std::initializer_list<std::int64_t> shape, const Device& device) const;
  [[nodiscard]] std::int32_t extent(std::size_t dimension) const {
    return static_cast<std::int32_t>(array_.shape(dimension));
  }

 private:
  const char* name_;
  nanobind::ndarray<nanobind::ro> array_;
};

}  // namespace fllm::python
