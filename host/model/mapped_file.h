// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace fllm {

/// The bytes of a file, mapped for reading; or bytes in memory that pass for a file. Moving keeps their address. A file
/// that is cut short while it is mapped ends the process (SIGBUS) where the missing bytes are read, as with every mapping.
class MappedFile {
 public:
  /// Exception: kNotFound, kIo (unreadable, or not a regular file).
  [[nodiscard]] static MappedFile open(const std::string& path);
  /// Views the bytes, which must outlive it.
  [[nodiscard]] static MappedFile over(std::span<const std::byte> bytes, const std::string& name);

  [[nodiscard]] const std::string& name() const { return name_; }  // for messages
  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

 private:
  struct Unmap {
    std::size_t size;
    void operator()(void* address) const;
  };
  MappedFile(std::string name, std::span<const std::byte> bytes) : name_(std::move(name)), bytes_(bytes) {}

  std::string name_;
  std::span<const std::byte> bytes_;
  std::unique_ptr<void, Unmap> mapping_;  // null: the bytes are somebody else's, or there are none
};

}  // namespace fllm
