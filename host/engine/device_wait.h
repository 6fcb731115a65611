// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <thread>

#include "cuda/backend/backend.h"
#include "fundamentallm/result.h"

namespace fllm {

/// Waits until something the device writes where the host sees it has come. Copies nothing, and blocks no stream. Looks on for
/// about a millisecond, then sleeps between looks: on a busy machine a turn given up may cost a whole slice, and a device whose
/// steps take longer has some of them to go on with until the host is back.
/// Errors: the device's; Exception(kInternal) when it has nothing left to do and `what` has not come.
template <class HasCome>
void wait_for_device(Backend& backend, const char* what, const HasCome& has_come) {
  constexpr int kLooks = 256;  // between two questions to the driver, which cost a microsecond each
  constexpr int kWakefulPolls = 500;
  constexpr std::chrono::microseconds kSleep{50};
  bool device_is_done = false;
  for (int polls = 0;; ++polls) {
    for (int look = 0; look < kLooks; ++look) {
      if (has_come()) return;
    }
    if (device_is_done) {
      throw Exception(ErrorCode::kInternal, std::string("the device has ended its work without leaving ") + what);
    }
    if (polls >= kWakefulPolls) std::this_thread::sleep_for(kSleep);
    device_is_done = backend.poll();
  }
}

}  // namespace fllm
