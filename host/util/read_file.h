// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>

namespace fllm {

/// The whole content of a regular file. Exception: kNotFound, kIo (unreadable, or not a regular file), kBadFormat when
/// it is larger than limit_bytes.
[[nodiscard]] std::string read_file(const std::string& path, std::size_t limit_bytes);

/// The first of the names that is in the folder of the file at path; empty: none is.
[[nodiscard]] std::optional<std::string> find_beside(const std::string& path, std::initializer_list<std::string> names);

}  // namespace fllm
