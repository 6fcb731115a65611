// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/backend/aligned_memory.h"
#include "cuda/backend/backend.h"

namespace fllm {

/// A quantised weight matrix in panels of 16 outputs, as QuantizedProduct reads it: the bytes of its blocks in another
/// order, padded with zeros to whole panels.
class QuantizedWeight final : public LinearWeight {
 public:
  /// Exception(kInvalidArgument) when the blocks do not fit the shape.
  explicit QuantizedWeight(const QuantizedMatrix& weight);

  [[nodiscard]] QuantizedType type() const { return type_; }
  [[nodiscard]] const std::byte* panels() const { return static_cast<const std::byte*>(memory_.get()); }

 private:
  QuantizedType type_;
  AlignedMemory memory_;
};

}  // namespace fllm
