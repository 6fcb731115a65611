// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>

#include "cuda/portable/annotations.h"

// 16 bytes at a time: one instruction on a device.
namespace fllm {

struct alignas(16) Vector4 {
  float x[4];
};

/// source: 16-byte aligned.
FLLM_HOST_DEVICE Vector4 load4(const float* source) {
#if defined(__CUDA_ARCH__)
  const float4 v = *reinterpret_cast<const float4*>(source);
  return {{v.x, v.y, v.z, v.w}};
#else
  Vector4 v;
  std::memcpy(&v, source, sizeof v);
  return v;
#endif
}

/// destination: 16-byte aligned.
FLLM_HOST_DEVICE void store4(float* destination, const Vector4& v) {
#if defined(__CUDA_ARCH__)
  *reinterpret_cast<float4*>(destination) = make_float4(v.x[0], v.x[1], v.x[2], v.x[3]);
#else
  std::memcpy(destination, &v, sizeof v);
#endif
}

/// 16 bytes of memory that nobody writes while the kernel runs. source: 16-byte aligned.
FLLM_HOST_DEVICE Vector4 load4_constant(const float* source) {
#if defined(__CUDA_ARCH__)
  const float4 v = __ldg(reinterpret_cast<const float4*>(source));
  return {{v.x, v.y, v.z, v.w}};
#else
  return load4(source);
#endif
}

struct Words4 {
  std::uint32_t word[4];
};
FLLM_HOST_DEVICE Words4 load_words4_constant(const void* source) {
#if defined(__CUDA_ARCH__)
  const uint4 v = __ldg(static_cast<const uint4*>(source));
  return {{v.x, v.y, v.z, v.w}};
#else
  Words4 v;
  std::memcpy(&v, source, sizeof v);
  return v;
#endif
}

}  // namespace fllm
