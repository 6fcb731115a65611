// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace fllm {

/// The values of a JSON Schema format, as a regular expression; empty for an unknown one.
[[nodiscard]] std::string format_pattern(std::string_view format);

}  // namespace fllm
