// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fundamentallm/c_generator.h"
#include "fundamentallm/generator.h"

namespace fllm {

/// A request as the C interface has it. Exception(kInvalidArgument) with every violation that is C's own: a count without
/// an array, unknown bits; the values are for Generator::submit to judge.
[[nodiscard]] Request request_of(const fllm_request& request);

[[nodiscard]] EngineOptions engine_options_of(const fllm_generator_options& options);

}  // namespace fllm
