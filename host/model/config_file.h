// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "host/model/architecture.h"
#include "host/model/checkpoint.h"

namespace fllm {

/// The config of a checkpoint, from the first of these places: its own key "config", its own key "model_config", the file
/// with the ending replaced by .yaml, then by .yml, config.yaml and model.yaml in its folder.
/// Exception(kNotFound) lists the places searched; see check_config for what a config may hold.
[[nodiscard]] ModelConfig find_config(const Checkpoint& checkpoint, const std::string& checkpoint_path);

[[nodiscard]] ModelConfig config_from_pickle(const PickleDict& dict, const std::string& source);
[[nodiscard]] ModelConfig config_from_yaml(const std::string& text, const std::string& source);

}  // namespace fllm
