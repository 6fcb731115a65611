// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace fllm {

/// model.safetensors.index.json: each tensor's name and the file that has it, in the folder of the index. Refuses
/// (kBadFormat) names that are there twice, and file names that could lead out of the folder.
[[nodiscard]] std::map<std::string, std::string> parse_safetensors_index(std::string_view text,
                                                                         const std::string& source);

}  // namespace fllm
