// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fllm::test {

/// One entry of a ZIP file, with the fields a test may want to get wrong.
struct ZipItem {
  std::string name;
  std::string content;
  std::uint16_t method = 0;     // 0: stored
  std::uint16_t flags = 0;      // 1: encrypted
  std::uint32_t crc_error = 0;  // xored onto the right one
  std::int64_t size_error = 0;  // added to the uncompressed size
};

/// A ZIP file with these entries, made by hand so that it can be wrong.
inline std::string zip_of(const std::vector<ZipItem>& items) {
  const auto crc32 = [](std::string_view bytes) {
    std::uint32_t crc = ~0u;
    for (const char byte : bytes) {
      crc ^= static_cast<unsigned char>(byte);
      for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320u : 0);
    }
    return ~crc;
  };
  const auto put = [](std::string& to, std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) to.push_back(static_cast<char>(value >> (8 * i)));
  };
  std::string file, directory;
  for (const ZipItem& item : items) {
    std::string common;  // what the local and the central header share
    put(common, 20, 2);
    put(common, item.flags, 2);
    put(common, item.method, 2);
    put(common, 0x00210000, 4);  // 1 January 1980
    put(common, crc32(item.content) ^ item.crc_error, 4);
    put(common, item.content.size(), 4);
    put(common, static_cast<std::uint64_t>(static_cast<std::int64_t>(item.content.size()) + item.size_error), 4);
    put(common, item.name.size(), 2);
    put(common, 0, 2);  // no extra field
    directory += "PK\x01\x02";
    put(directory, 20, 2);
    directory += common;
    put(directory, 0, 8);  // comment, disk, attributes
    put(directory, 0, 2);
    put(directory, file.size(), 4);
    directory += item.name;
    file += "PK\x03\x04" + common + item.name + item.content;
  }
  const std::size_t directory_offset = file.size();
  file += directory + "PK\x05\x06";
  put(file, 0, 4);
  put(file, items.size(), 2);
  put(file, items.size(), 2);
  put(file, directory.size(), 4);
  put(file, directory_offset, 4);
  put(file, 0, 2);
  return file;
}

}  // namespace fllm::test
