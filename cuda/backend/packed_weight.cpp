// SPDX-License-Identifier: Apache-2.0
#include "cuda/backend/packed_weight.h"

#include <algorithm>
#include <string>

#include "cuda/kernels/panel_product.h"
#include "fundamentallm/result.h"

namespace fllm {

PackedWeight::PackedWeight(std::span<const float> weight, std::int32_t out, std::int32_t in)
    : LinearWeight(out, in, static_cast<std::int64_t>(weight.size_bytes())) {
  if (out < 1 || in < 1 || weight.size() != static_cast<std::size_t>(out) * static_cast<std::size_t>(in)) {
    throw Exception(ErrorCode::kInvalidArgument,
                    "weight of " + std::to_string(weight.size()) + " elements for shape [" + std::to_string(out) +
                        ", " + std::to_string(in) + "]; allowed: out >= 1, in >= 1, out * in elements");
  }
  const std::int64_t panel_count = (std::int64_t{out} + kPanelColumns - 1) / kPanelColumns;
  const auto panel_elements = static_cast<std::size_t>(in) * kPanelColumns;
  memory_ = allocate_aligned(static_cast<std::size_t>(panel_count) * panel_elements * sizeof(float));
  auto* target = static_cast<float*>(memory_.get());
  for (std::int64_t panel = 0; panel < panel_count; ++panel) {
    const std::int64_t first = panel * kPanelColumns;
    const std::int64_t columns = std::min<std::int64_t>(kPanelColumns, out - first);
    for (std::int64_t k = 0; k < in; ++k) {
      for (std::int64_t c = 0; c < kPanelColumns; ++c) {
        *target++ = c < columns ? weight[static_cast<std::size_t>((first + c) * in + k)] : 0.0f;
      }
    }
  }
}

}  // namespace fllm
