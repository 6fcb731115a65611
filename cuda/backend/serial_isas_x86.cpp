// SPDX-License-Identifier: Apache-2.0
#include <iterator>

#include "cuda/backend/cpu_pause.h"
#include "cuda/backend/serial_isa.h"

namespace fllm {
namespace {

[[maybe_unused]] bool always() { return true; }

[[maybe_unused]] bool has_v3() {
#if !defined(__clang__)  // Clang 14 cannot ask for these two; every processor with AVX2 has them
  if (!__builtin_cpu_supports("f16c") || !__builtin_cpu_supports("lzcnt")) return false;
#endif
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
         __builtin_cpu_supports("bmi2");
}

[[maybe_unused]] bool has_v4() {
  return has_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

#if defined(FLLM_WITH_V4_VNNI)
constexpr std::int32_t kVariants = 1;
bool has_v4_vnni() { return has_v4() && __builtin_cpu_supports("avx512vnni"); }
const SerialKernels& v4_with_vnni() {
  static const SerialKernels kKernels = serial_kernels_v4().with(serial_kernels_v4_vnni());
  return kKernels;
}
#else
constexpr std::int32_t kVariants = 0;
#endif

constexpr SerialIsa kIsas[] = {
#if defined(FLLM_WITH_V2)
    {"v2", serial_kernels_v2, always},
#endif
#if defined(FLLM_WITH_V3)
    {"v3", serial_kernels_v3, has_v3},
#endif
#if defined(FLLM_WITH_V4)
    {"v4", serial_kernels_v4, has_v4},
#endif
#if defined(FLLM_WITH_V4_VNNI)
    {"v4-vnni", v4_with_vnni, has_v4_vnni},
#endif
};

}  // namespace

SerialIsaList serial_isas() { return {kIsas, static_cast<std::int32_t>(std::size(kIsas)) - kVariants}; }
SerialIsaList serial_isas_and_variants() { return {kIsas, static_cast<std::int32_t>(std::size(kIsas))}; }

void cpu_pause() { __builtin_ia32_pause(); }

}  // namespace fllm
