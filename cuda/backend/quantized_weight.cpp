// SPDX-License-Identifier: Apache-2.0
#include "cuda/backend/quantized_weight.h"

#include <algorithm>
#include <cstring>

#include "cuda/backend/pack_panel.h"
#include "cuda/backend/quantized_matrix.h"
#include "cuda/kernels/quantized_formats.h"

namespace fllm {
namespace {

template <class Format>
AlignedMemory pack(const QuantizedMatrix& weight) {
  const std::int64_t blocks = weight.in / Format::kElements, panel_bytes = QuantizedPanel<Format>::bytes(blocks);
  const std::int64_t panels = (std::int64_t{weight.out} + kQuantizedPanelColumns - 1) / kQuantizedPanelColumns;
  AlignedMemory memory = allocate_aligned(static_cast<std::size_t>(panels * panel_bytes));
  auto* target = static_cast<std::byte*>(memory.get());
  for (std::int64_t panel = 0; panel < panels; ++panel, target += panel_bytes) {
    const std::int64_t first = panel * kQuantizedPanelColumns;
    const std::int64_t columns = std::min<std::int64_t>(kQuantizedPanelColumns, weight.out - first);
    if (columns < kQuantizedPanelColumns || blocks % 2 != 0)
      std::memset(target, 0, static_cast<std::size_t>(panel_bytes));
    pack_panel<Format>(weight.blocks.data() + first * blocks * Format::kBytes, columns, blocks, target);
  }
  return memory;
}

AlignedMemory packed(const QuantizedMatrix& weight) {
  check_quantized_matrix(weight);
  AlignedMemory memory;
  visit_quantized_format(weight.type, [&]<class Format>(Format) { memory = pack<Format>(weight); });
  return memory;
}

}  // namespace

QuantizedWeight::QuantizedWeight(const QuantizedMatrix& weight)
    : LinearWeight(weight.out, weight.in, static_cast<std::int64_t>(weight.blocks.size())),
      type_(weight.type),
      memory_(packed(weight)) {}

}  // namespace fllm
