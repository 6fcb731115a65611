// SPDX-License-Identifier: Apache-2.0
#include "cuda/backend/aligned_memory.h"

#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <string>

#include "cuda/backend/backend.h"
#include "fundamentallm/result.h"

namespace fllm {

AlignedMemory allocate_aligned(std::size_t bytes) {
  void* memory = nullptr;
  if (bytes <= SIZE_MAX - kMemoryAlignment) {
    memory = std::aligned_alloc(
        kMemoryAlignment,
        bytes == 0 ? kMemoryAlignment : (bytes + kMemoryAlignment - 1) / kMemoryAlignment * kMemoryAlignment);
  }
  if (memory == nullptr) {
    throw Exception(ErrorCode::kOutOfMemory, "out of memory: " + std::to_string(bytes) + " bytes needed, " +
                                                 std::to_string(machine_memory().free_bytes) + " free");
  }
  return AlignedMemory(memory);
}

MemoryInfo machine_memory() {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  MemoryInfo info{page * static_cast<std::size_t>(sysconf(_SC_AVPHYS_PAGES)),
                  page * static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES))};
  // Where the system says it: memory that can be had without swapping, the page cache included.
  std::ifstream file("/proc/meminfo");
  for (std::string name; file >> name;) {
    std::size_t kibibytes = 0;
    if (name == "MemAvailable:" && file >> kibibytes) info.free_bytes = kibibytes * 1024;
    file.ignore(256, '\n');
  }
  return info;
}

}  // namespace fllm
