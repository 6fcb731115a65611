// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "apps/cli/settings.h"
#include "fundamentallm/generator.h"

namespace fllm::cli {

/// With --verbose: what came of guessing ahead in the whole run, where anything was to be guessed.
void report_speculation(const Settings& settings, const Generator& generator);

}  // namespace fllm::cli
