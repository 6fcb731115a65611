// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "apps/cli/options.h"
#include "fundamentallm/generator.h"

namespace fllm::cli {

/// The bundled model: $FLLM_MODEL_DIR/shakespeare where that variable is set, else
/// ../share/fundamentallm/models/shakespeare from the folder of the executable.
/// Errors: kNotFound names the places searched.
[[nodiscard]] std::string bundled_model_path();

/// Opens the model of a command line, or the bundled one. Violations of the machine options throw UsageError.
[[nodiscard]] Generator open_generator(const CommandLine& line, int max_rows);

/// Adds what is wrong with --device and --threads.
void check_machine(const Settings& settings, std::vector<std::string>& violations);

}  // namespace fllm::cli
