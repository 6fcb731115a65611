// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>

namespace fllm {

constexpr std::size_t kMemoryAlignment = 64;

struct FreeMemory {
  void operator()(void* memory) const noexcept { std::free(memory); }
};
using AlignedMemory = std::unique_ptr<void, FreeMemory>;

/// At least `bytes` bytes, aligned to kMemoryAlignment, contents unspecified. Exception(kOutOfMemory) names what was asked for and what
/// is free.
[[nodiscard]] AlignedMemory allocate_aligned(std::size_t bytes);

struct MemoryInfo;
/// Physical memory of this machine.
[[nodiscard]] MemoryInfo machine_memory();

}  // namespace fllm
