// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

struct zip;

namespace fllm {

struct ZipEntry {
  std::string name;         // raw bytes of the central directory
  std::uint64_t index = 0;  // in the archive
  std::uint64_t bytes = 0;
};

/// The entries of a ZIP file as PyTorch writes it: stored, not encrypted. Contents are read on demand and checked against
/// their CRC. The file is taken as hostile. Thread-compatible; reading moves the file position, so one reader at a time.
class ZipArchive {
 public:
  /// Exception: kNotFound, kIo, or kBadFormat (not a ZIP file, cut short, inconsistent, a name twice).
  static ZipArchive open(const std::string& path);
  /// The same over bytes that outlive the archive. source names them in messages.
  static ZipArchive from_memory(std::span<const std::byte> bytes, const std::string& source);

  [[nodiscard]] const std::string& source() const { return source_; }
  [[nodiscard]] const std::vector<ZipEntry>& entries() const { return entries_; }
  [[nodiscard]] const ZipEntry* find(std::string_view name) const;  // null: there is none

  /// Fills destination with the first destination.size() bytes of an entry. Precondition: no more than entry.bytes.
  /// Exception(kBadFormat): compressed, encrypted, cut short, or (when read whole) a wrong CRC.
  void read(const ZipEntry& entry, std::span<std::byte> destination) const;
  /// The whole entry. Exception(kBadFormat) also when it is larger than limit_bytes.
  [[nodiscard]] std::string read_text(const ZipEntry& entry, std::uint64_t limit_bytes) const;

 private:
  struct Discard {
    void operator()(zip* archive) const;
  };
  ZipArchive(std::unique_ptr<zip, Discard> archive, std::string source, std::uint64_t file_bytes);

  std::unique_ptr<zip, Discard> archive_;
  std::string source_;
  std::vector<ZipEntry> entries_;
  std::unordered_map<std::string_view, std::size_t> by_name_;  // views of entries_
};

}  // namespace fllm
