// SPDX-License-Identifier: Apache-2.0
#include "cuda/backend/serial_backend.h"

#include <cstring>

#include "cuda/backend/packed_weight.h"
#include "cuda/backend/quantized_weight.h"

namespace fllm {

void SerialBackend::upload(void* destination, const void* source, std::size_t bytes) {
  if (bytes > 0) std::memcpy(destination, source, bytes);
}

void SerialBackend::download(void* destination, const void* source, std::size_t bytes) {
  if (bytes > 0) std::memcpy(destination, source, bytes);
}

std::unique_ptr<LinearWeight> SerialBackend::make_linear(std::span<const float> weight, std::int32_t out,
                                                         std::int32_t in) {
  return std::make_unique<PackedWeight>(weight, out, in);
}

std::unique_ptr<LinearWeight> SerialBackend::make_linear(const QuantizedMatrix& weight) {
  return std::make_unique<QuantizedWeight>(weight);
}

std::unique_ptr<LinearWeight> SerialBackend::make_linear(const HalfMatrix& /*weight*/) {
  throw Exception(ErrorCode::kUnsupported, description() + ": multiplies no weights of 16 bits");
}

void SerialBackend::linear(const LinearParams& params) {
  const ParamsCheck check("linear");
  const auto* packed = dynamic_cast<const PackedWeight*>(params.weight);
  const auto* quantized = dynamic_cast<const QuantizedWeight*>(params.weight);
  check.given("weight of this backend", packed != nullptr || quantized != nullptr, 1);
  check.given("x of 32 bits", params.half.data == nullptr && params.rounded.data == nullptr, 1);
  check.rows("x", params.x);
  check.rows("out", params.out);
  check.equal("x rows", params.x.rows, "out rows", params.out.rows);
  check.equal("x columns", params.x.cols, "weight input", params.weight->in_features());
  check.equal("out columns", params.out.cols, "weight output", params.weight->out_features());
  if (quantized != nullptr) return quantized_linear(params, *quantized);
  const PanelProductParams product{params.x, packed->panels(), params.bias, params.epilogue, params.out};
  executor().launch<PanelProduct>(PanelProduct::shape(product), product);
}

void SerialBackend::quantized_linear(const LinearParams& params, const QuantizedWeight& weight) {
  const std::int32_t row_blocks = params.x.cols / kRowBlockElements;
  const std::int64_t count = std::int64_t{params.x.rows} * row_blocks;
  if (count > row_block_count_) {
    row_blocks_ = allocate_aligned(static_cast<std::size_t>(count) * sizeof(RowBlock));
    row_block_count_ = count;
  }
  auto* blocks = static_cast<RowBlock*>(row_blocks_.get());
  visit_quantized_format(weight.type(), [&]<class Format>(Format) {
    const QuantizeRowsParams rows{
        params.x, Format::kBias, Format::kScaled, {blocks, params.x.rows, row_blocks, row_blocks}};
    executor().launch<QuantizeRows>(QuantizeRows::shape(rows), rows);
    const QuantizedProductParams product{
        {blocks, params.x.rows, row_blocks, row_blocks}, weight.panels(), params.bias, params.epilogue, params.out};
    executor().launch<QuantizedProduct<Format>>(QuantizedProduct<Format>::shape(product), product);
  });
}

}  // namespace fllm
