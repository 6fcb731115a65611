// SPDX-License-Identifier: Apache-2.0
#include "cuda/backend/quantized_matrix.h"

#include <string>

#include "cuda/backend/pack_panel.h"
#include "cuda/kernels/quantized_formats.h"
#include "cuda/portable/numeric.h"
#include "fundamentallm/result.h"

namespace fllm {
namespace {

/// One lane, for the formats' own unpacking.
struct OneLane {
  using Ints = std::int32_t;
  using Words = std::uint32_t;
  using Floats = float;
  static Words load(const std::uint32_t* source) { return *source; }
  static Floats halves(const std::uint16_t* source) { return to_float(Half{*source}); }
  static Floats to_floats(Ints value) { return static_cast<float>(value); }
};

/// The 32 weights from element 32 j of a block of one row of the panel.
template <class Format>
void expand_part(const PackedBlock<OneLane>& block, std::int32_t j, float* out) {
  float minimum = 0;
  if constexpr (Format::kMinimum) minimum = Format::minimum(block, j);
  for (std::int32_t i = 0; i < kRowBlockElements; ++i) {
    const std::uint32_t byte = Format::unpack(block, j, i / 4) >> (i % 4 * 8) & 0xffu;
    const auto q = static_cast<float>(static_cast<std::int32_t>(byte) - Format::kBias);
    out[i] = Format::scale(block, j, i / Format::kScaled) * q + minimum;  // the product has at most 24 bits
  }
}

template <class Format>
void expand(const QuantizedMatrix& weight, float* out) {
  using Panel = QuantizedPanel<Format>;
  const std::int64_t blocks = weight.in / Format::kElements;
  std::vector<std::uint32_t> panel(static_cast<std::size_t>(Panel::bytes(blocks)) / sizeof(std::uint32_t));
  auto* bytes = reinterpret_cast<std::byte*>(panel.data());
  for (std::int64_t row = 0; row < weight.out; ++row) {
    pack_panel<Format>(weight.blocks.data() + row * blocks * Format::kBytes, 1, blocks, bytes);
    PackedBlock<OneLane> block{reinterpret_cast<const std::uint16_t*>(bytes),
                               reinterpret_cast<const std::uint32_t*>(bytes + Panel::words_offset(blocks))};
    for (std::int64_t b = 0; b < blocks; ++b) {
      for (std::int32_t j = 0; j < Format::kElements / kRowBlockElements; ++j, out += kRowBlockElements) {
        expand_part<Format>(block, j, out);
      }
      block.halves += Panel::kBlockHalves;
      block.words += Panel::kBlockWords;
    }
  }
}

}  // namespace

void check_quantized_matrix(const QuantizedMatrix& weight) {
  const QuantizedBlock block = quantized_block(weight.type);
  if (block.elements == 0) {
    throw Exception(ErrorCode::kInvalidArgument,
                    "quantised type " + std::to_string(static_cast<int>(weight.type)) + "; allowed: 0 to 6");
  }
  const auto needed = static_cast<std::uint64_t>(std::int64_t{weight.out} * (weight.in / block.elements) * block.bytes);
  if (weight.out < 1 || weight.in < 1 || weight.in % block.elements != 0 || weight.blocks.size() != needed) {
    throw Exception(ErrorCode::kInvalidArgument,
                    "quantised weight of " + std::to_string(weight.blocks.size()) + " bytes for shape [" +
                        std::to_string(weight.out) + ", " + std::to_string(weight.in) +
                        "]; allowed: out >= 1, in a multiple of " + std::to_string(block.elements) + ", " +
                        std::to_string(block.bytes) + " bytes for each " + std::to_string(block.elements) +
                        " elements of a row");
  }
}

std::vector<float> expand_quantized(const QuantizedMatrix& weight) {
  check_quantized_matrix(weight);
  std::vector<float> values(static_cast<std::size_t>(weight.out) * static_cast<std::size_t>(weight.in));
  visit_quantized_format(weight.type, [&]<class Format>(Format) { expand<Format>(weight, values.data()); });
  return values;
}

}  // namespace fllm
