// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

namespace fllm {

/// The whole content of a regular file. Exception: kNotFound, kIo (unreadable, or not a regular file), kBadFormat when
/// it is larger than limit_bytes.
[[nodiscard]] std::string read_file(const std::string& path, std::size_t limit_bytes);

}  // namespace fllm
