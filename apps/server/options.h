// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "fundamentallm/options.h"

namespace fllm::server {

struct ServerOptions {
  std::string host = "127.0.0.1";
  std::int32_t port = 8080;                            ///< [0, 65535]; 0: any that is free
  std::string api_key;                                 ///< empty: none is asked for
  std::string model_name;                              ///< as requests call it
  std::int64_t max_body_bytes = 1048576;               ///< of one request, decoded
  std::int32_t max_tokens = 0;                         ///< new tokens of one sample; 0: no limit but the context
  std::int32_t max_samples = 320;                      ///< in the batch and waiting for it, of all requests
  std::int32_t max_connections = 512;                  ///< [1, 900]; one thread each
  std::int32_t timeout_seconds = 600;                  ///< of one request, waiting included
  std::optional<SpeculationOptions> speculation = {};  ///< of requests that do not say otherwise
  bool has_draft_model = false;                        ///< whether the generator has one
};

}  // namespace fllm::server
