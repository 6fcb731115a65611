// SPDX-License-Identifier: Apache-2.0
#include "host/util/read_file.h"

#include <fmt/core.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "fundamentallm/result.h"

namespace fllm {

std::string read_file(const std::string& path, std::size_t limit_bytes) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) {
    throw Exception(ErrorCode::kNotFound, fmt::format("{}: there is no such file", path));
  }
  if (error) throw Exception(ErrorCode::kIo, fmt::format("{}: {}", path, error.message()));
  if (!std::filesystem::is_regular_file(status)) {
    throw Exception(ErrorCode::kIo, fmt::format("{}: not a regular file", path));
  }
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error) throw Exception(ErrorCode::kIo, fmt::format("{}: {}", path, error.message()));
  if (size > limit_bytes) {
    throw Exception(ErrorCode::kBadFormat,
                    fmt::format("{}: {} bytes, at most {} are allowed", path, size, limit_bytes));
  }
  std::string content(static_cast<std::size_t>(size), '\0');
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file || !file.read(content.data(), static_cast<std::streamsize>(size))) {
    const char* reason = errno != 0 ? std::strerror(errno) : "it was cut while it was read";
    throw Exception(ErrorCode::kIo, fmt::format("{}: cannot be read: {}", path, reason));
  }
  return content;
}

std::optional<std::string> find_beside(const std::string& path, std::initializer_list<std::string> names) {
  for (const std::string& name : names) {
    const std::filesystem::path other = std::filesystem::path(path).parent_path() / name;
    std::error_code unreachable;
    if (std::filesystem::exists(other, unreachable)) return other.string();
  }
  return std::nullopt;
}

}  // namespace fllm
