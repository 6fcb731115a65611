// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "cuda/backend/aligned_memory.h"
#include "cuda/backend/backend.h"

namespace fllm {

/// A weight matrix in panels of 64 outputs, as PanelProduct reads it: [ceil(out / 64), in, 64], padded with zeros.
class PackedWeight final : public LinearWeight {
 public:
  /// weight: [out, in], row-major. Exception(kInvalidArgument) when the size does not fit the shape.
  PackedWeight(std::span<const float> weight, std::int32_t out, std::int32_t in);

  [[nodiscard]] const float* panels() const { return static_cast<const float*>(memory_.get()); }

 private:
  AlignedMemory memory_;
};

}  // namespace fllm
