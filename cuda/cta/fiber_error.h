// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

#include "cuda/portable/source_location.h"

namespace fllm {

/// What a kernel did that a GPU may answer with anything.
enum class FiberFault : std::uint8_t {
  kDivergentBarrier,  // threads of a block meet in different sync() calls
  kEarlyExit,         // a thread has returned, another still waits for it
  kWarpDisagreement,  // lanes of a warp are in different collectives, or in one with different arguments
  kDeadlock,          // threads wait, and none can go on
  kBadLane,           // a shuffle from outside the warp
  kSharedOverrun,     // a write outside K::Shared or the dynamic shared memory
};

/// Thrown by FiberExecutor::launch. The message names kernel, block, thread and source line.
class FiberError : public std::runtime_error {
 public:
  struct Place {
    std::string kernel;
    std::int32_t block = 0;
    std::int32_t thread = 0;
    SourceLocation where;
  };

  FiberError(FiberFault fault, const Place& place, const std::string& text)
      : std::runtime_error(place.kernel + ", block " + std::to_string(place.block) + ", thread " +
                           std::to_string(place.thread) + ", " + describe(place.where) + ": " + text),
        fault_(fault),
        place_(place) {}

  [[nodiscard]] FiberFault fault() const { return fault_; }
  [[nodiscard]] const Place& place() const { return place_; }

  /// "file.h:12", without the folders.
  [[nodiscard]] static std::string describe(const SourceLocation& where) {
    const std::string file = where.file_name();
    return file.substr(file.rfind('/') + 1) + ":" + std::to_string(where.line());
  }

 private:
  FiberFault fault_;
  Place place_;
};

}  // namespace fllm
