// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace fllm {

/// A caller's text for a message: on one line, in double quotes, quotes, backslashes and control characters escaped, long
/// text cut. Bytes from 0x80 on stay as they are.
[[nodiscard]] std::string quoted_text(std::string_view text);

}  // namespace fllm
