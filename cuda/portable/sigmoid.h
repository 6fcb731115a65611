// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/portable/numeric.h"

namespace fllm {

/// 1 / (1 + e^-x) from e^-|x| = 2^(-|x| log2 e), 0 where that is below 2^-126; within 1e-7 absolute of the true value
/// (tests/unit/gelu_test.cpp). NaN gives a number: what is multiplied by it is NaN already.
FLLM_HOST_DEVICE float sigmoid_shared(float x) {
  const float exponent = (x < 0.0f ? x : -x) * 0x1.715476p+0f;
  const float power = exp2_shared(exponent > -126.0f ? exponent : -126.0f);
  const float e = exponent > -126.0f ? power : 0.0f;
  return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

/// x * sigmoid(x) (Elfwing et al. 2017), also called swish.
FLLM_HOST_DEVICE float silu(float x) { return x * sigmoid_shared(x); }

}  // namespace fllm
