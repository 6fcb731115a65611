// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/portable/numeric.h"
#include "cuda/portable/sigmoid.h"

namespace fllm {

/// erfc(t) = 1 - erf(t) for t >= 0, as 2^-L(t) with L a polynomial without constant term: exactly 1 at 0, within 2e-7
/// absolute of the true value, 0 where that is below 2^-126 (tests/unit/gelu_test.cpp). NaN gives NaN or 0.
/// L is a weighted minimax fit of -log2(erfc) on [0, 4.3] that goes on rising beyond.
FLLM_HOST_DEVICE float erfc_shared(float t) {
  float l = 0x1.26ddf8p-15f;
  l = fma32(l, t, -0x1.7b8604p-12f);
  l = fma32(l, t, 0x1.3fec92p-10f);
  l = fma32(l, t, 0x1.3d0db4p-10f);
  l = fma32(l, t, -0x1.d504ccp-6f);
  l = fma32(l, t, 0x1.306d46p-3f);
  l = fma32(l, t, 0x1.d63664p-1f);
  l = fma32(l, t, 0x1.a0bec0p+0f);
  const float exponent = -(l * t);
  const float weight = exp2_shared(exponent > -126.0f ? exponent : -126.0f);
  return exponent > -126.0f ? weight : 0.0f;
}

/// x * Phi(x) = 0.5 x (1 + erf(x / sqrt 2)), the exact form of GELU: within 1e-6 absolute plus one rounding of the result.
/// NaN gives NaN.
FLLM_HOST_DEVICE float gelu(float x) {
  const float magnitude = x < 0.0f ? -x : x;
  const float tail = erfc_shared(magnitude * 0x1.6a09e6p-1f);
  return (0.5f * x) * (x < 0.0f ? tail : 2.0f - tail);
}

/// 0.5 x (1 + tanh z), z = sqrt(2 / pi) (x + 0.044715 x^3), as x * sigmoid(2 z): the approximation of GELU that GPT-2 was
/// trained with (Hendrycks and Gimpel 2016), within 1e-6 absolute plus one rounding of the result. NaN gives NaN.
FLLM_HOST_DEVICE float gelu_tanh(float x) {
  const float cubic = fma32(x * x, 0x1.2444f2p-4f, 0x1.988454p+0f);  // sqrt(8 / pi) times 0.044715, and it alone
  return x * sigmoid_shared(x * cubic);
}

}  // namespace fllm
