// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <random>

#include "cuda/kernels/sample_params.h"

// What the makers of random cases share.
namespace fllm::test {

using Random = std::mt19937_64;

inline constexpr std::array kTypes = {LogitType::kFloat32, LogitType::kFloat16, LogitType::kBFloat16};

/// One of the values.
template <std::size_t kCount, class T>
T pick(const std::array<T, kCount>& values, Random& random) {
  return values[random() % kCount];
}

/// In [0, 1), a multiple of 2^-53.
inline double unit(Random& random) { return static_cast<double>(random() >> 11) * 0x1p-53; }

/// In [0, 1), a multiple of 2^-24.
inline float unit_float(Random& random) { return static_cast<float>(random() >> 40) * 0x1p-24f; }

}  // namespace fllm::test
