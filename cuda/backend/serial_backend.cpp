// SPDX-License-Identifier: Apache-2.0
#include "cuda/backend/serial_backend.h"

#include <cstring>

#include "cuda/backend/packed_weight.h"

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

void SerialBackend::linear(const LinearParams& params) {
  const ParamsCheck check("linear");
  const auto* weight = dynamic_cast<const PackedWeight*>(params.weight);
  check.given("weight of this backend", weight != nullptr, 1);
  check.rows("x", params.x);
  check.rows("out", params.out);
  check.equal("x rows", params.x.rows, "out rows", params.out.rows);
  check.equal("x columns", params.x.cols, "weight input", weight->in_features());
  check.equal("out columns", params.out.cols, "weight output", weight->out_features());
  const PanelProductParams product{params.x, weight->panels(), params.bias, params.epilogue, params.out};
  executor().launch<PanelProduct>(PanelProduct::shape(product), product);
}

}  // namespace fllm
