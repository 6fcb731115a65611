// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cuda/backend/backend.h"
#include "cuda/launch/check_params.h"
#include "cuda/portable/round16.h"

namespace fllm {

/// Exception(kInvalidArgument) when the elements do not fit the shape, or are not of 16 bits.
inline void check_half_matrix(const HalfMatrix& weight) {
  const ParamsCheck check("make_linear");
  check.at_least("out", weight.out, 1);
  check.at_least("in", weight.in, 1);
  check.equal("elements", static_cast<std::int64_t>(weight.elements.size()), "out * in",
              std::int64_t{weight.out} * weight.in);
  check.given("type of 16 bits", weight.type != FloatType::kFloat32, 1);
}

/// x of a product with a weight of this type (kFloat32: an ordinary one) must be as it says, and out as large.
inline void check_product(const LinearParams& p, FloatType type) {
  const ParamsCheck check("linear");
  check.rows("out", p.out);
  check.equal("x rows", p.x.rows, "out rows", p.out.rows);
  check.equal("x columns", p.x.cols, "weight input", p.weight->in_features());
  check.equal("out columns", p.out.cols, "weight output", p.weight->out_features());
  if (type == FloatType::kFloat32) return check.given("x of 32 bits", p.half.data == nullptr, 1);
  check.given("x of 16 bits, in the weight's type", p.half.data != nullptr && p.half.type == type, p.out.rows);
}

/// An element of either type, exactly.
inline float half_to_float(FloatType type, std::uint16_t bits) {
  return type == FloatType::kBFloat16 ? to_float(static_cast<BFloat16>(bits)) : to_float(static_cast<Half>(bits));
}

}  // namespace fllm
