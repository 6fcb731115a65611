// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cuda/kernels/sample_params.h"

namespace fllm {

class Sequence;
struct StepCapacity;

/// What draws depend on, as flat tables. Adding to them allocates nothing.
class DrawTables {
 public:
  explicit DrawTables(const StepCapacity& capacity);

  void clear();
  /// One more draw, of a row as it stands, without a mask. fixed: what stays the same in all steps.
  void add(const Sequence& row, const RowSampling& fixed);
  /// The mask of the draw added last, where the row has one.
  void add_mask(const Sequence& row);

  std::vector<RowSampling> sampling;  // [draws]
  std::vector<std::uint32_t> masks;   // [masked draws, mask words]
  std::vector<CountEntry> counts;     // of all draws

 private:
  std::size_t mask_words_;
};

}  // namespace fllm
