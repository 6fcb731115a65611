// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "apps/server/options.h"
#include "fundamentallm/generator.h"

namespace fllm::server {

struct ServerHooks {
  std::function<void(const std::string& url)> listening;  // called once
  std::function<int()> signal;                            // 0 while nobody wants it to stop; asked many times a second
};

enum class ServerEnd { kDrained, kInterrupted };

/// Serves until a signal comes; then finishes what is under way, or leaves it (kInterrupted) where another one comes. This
/// thread steps the generator. Errors: kIo where the address cannot be had, and what a step throws.
[[nodiscard]] ServerEnd run_server(Generator& generator, const ServerOptions& options, const ServerHooks& hooks);

}  // namespace fllm::server
