// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "cuda/kernels/quantized_panel.h"

namespace fllm {

template <class Part>
Part load_part(const std::byte* source) {
  Part part;
  std::memcpy(&part, source, sizeof part);
  return part;
}

/// Writes one panel: the bytes of the blocks of up to 16 rows. Columns without a row, and padding, are left alone.
/// rows: [columns, blocks] blocks as in a file. panel: QuantizedPanel<Format>::bytes(blocks), aligned to 4.
template <class Format>
void pack_panel(const std::byte* rows, std::int64_t columns, std::int64_t blocks, std::byte* panel) {
  using Panel = QuantizedPanel<Format>;
  auto* halves = reinterpret_cast<std::uint16_t*>(panel);
  auto* words = reinterpret_cast<std::uint32_t*>(panel + Panel::words_offset(blocks));
  for (std::int64_t b = 0; b < blocks; ++b) {
    for (std::int64_t c = 0; c < columns; ++c) {
      const std::byte* block = rows + (c * blocks + b) * Format::kBytes;
      for (std::int32_t i = 0; i < Format::kHalves; ++i) {
        halves[i * kQuantizedPanelColumns + c] = load_part<std::uint16_t>(block + Format::half_byte(i));
      }
      for (std::int32_t i = 0; i < Format::kWords; ++i) {
        words[i * kQuantizedPanelColumns + c] =
            Format::repack(i, load_part<std::uint32_t>(block + Format::word_byte(i)));
      }
    }
    halves += Panel::kBlockHalves;
    words += Panel::kBlockWords;
  }
}

}  // namespace fllm
