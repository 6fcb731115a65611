// SPDX-License-Identifier: Apache-2.0
#include "host/model/gguf_file.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>

#include "fundamentallm/result.h"
#include "host/model/gguf_tensors.h"
#include "host/util/bad_file.h"

namespace fllm {
namespace {

constexpr std::uint32_t kMagic = 0x46554747;  // "GGUF"
constexpr std::uint32_t kLeastVersion = 2, kMostVersion = 3;
constexpr std::uint64_t kMaxKeyBytes = 65535;  // the format's own limit
// The largest models have some thousands of tensors and a hundred keys.
constexpr std::uint64_t kMaxTensors = std::uint64_t{1} << 18, kMaxKeys = std::uint64_t{1} << 16;
constexpr std::int64_t kLeastAlignment = 8, kMostAlignment = 65536, kDefaultAlignment = 32;

struct Header {
  std::uint64_t tensors = 0, keys = 0;
};

Header read_header(ByteReader& reader, const std::string& source) {
  if (reader.take<std::uint32_t>("the magic number of a GGUF") != kMagic)
    bad_file(source, "not a GGUF: no magic number");
  const auto version = reader.take<std::uint32_t>("the version");
  // Version 1 had other integers; a big-endian file's version has its only byte that is not 0 in front.
  const bool big_endian = version != 0 && (version & 0xffff) == 0;
  if (big_endian) {
    throw Exception(ErrorCode::kUnsupported, fmt::format("{}: is big-endian: only little-endian can be read", source));
  }
  if (version < kLeastVersion || version > kMostVersion) {
    throw Exception(ErrorCode::kUnsupported,
                    fmt::format("{}: GGUF version {}: must be {} or {}", source, version, kLeastVersion, kMostVersion));
  }
  Header header;
  header.tensors = reader.take<std::uint64_t>("the number of tensors");
  header.keys = reader.take<std::uint64_t>("the number of keys");
  if (header.tensors > kMaxTensors) {
    bad_file(source, fmt::format("{} tensors: at most {} are allowed", header.tensors, kMaxTensors));
  }
  if (header.keys > kMaxKeys) bad_file(source, fmt::format("{} keys: at most {} are allowed", header.keys, kMaxKeys));
  return header;
}

GgufMetadata read_metadata(ByteReader& reader, std::uint64_t count, const std::string& source) {
  std::vector<GgufEntry> entries;
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto length = reader.take<std::uint64_t>("the length of a key");
    if (length == 0 || length > kMaxKeyBytes) {
      reader.fail(fmt::format("a key of {} bytes: must have 1 to {}", length, kMaxKeyBytes));
    }
    const auto key = reader.take_bytes(length, "a key");
    const std::string_view name(reinterpret_cast<const char*>(key.data()), key.size());
    reader.enter("key", name);
    const auto type = reader.take<std::uint32_t>("the type of a value");
    entries.push_back({name, read_gguf_value(reader, type)});
    reader.leave();
  }
  return {source, std::move(entries)};
}

void refuse_parts(const GgufMetadata& metadata) {
  const auto parts = metadata.find_integer("split.count", {0, 65535});
  if (parts.value_or(1) <= 1) return;
  throw Exception(
      ErrorCode::kUnsupported,
      fmt::format("{}: one of {} parts (key split.count): merge them into one file first", metadata.source(), *parts));
}

std::uint32_t alignment_of(const GgufMetadata& metadata) {
  constexpr std::string_view kKey = "general.alignment";
  const std::int64_t alignment =
      metadata.find_integer(kKey, {kLeastAlignment, kMostAlignment}).value_or(kDefaultAlignment);
  if (!std::has_single_bit(static_cast<std::uint64_t>(alignment))) {
    metadata.refuse(kKey, fmt::format("{}: must be a power of 2", alignment));
  }
  return static_cast<std::uint32_t>(alignment);
}

}  // namespace

GgufFile::GgufFile(GgufMetadata metadata, std::vector<MappedFile> files, std::vector<TensorInfo> tensors)
    : MappedTensors(metadata.source(), std::move(files), std::move(tensors)), metadata_(std::move(metadata)) {}

GgufFile GgufFile::parse(MappedFile file) {
  const std::string& source = file.name();
  ByteReader reader(file.bytes(), source);
  const Header header = read_header(reader, source);
  GgufMetadata metadata = read_metadata(reader, header.keys, source);
  refuse_parts(metadata);
  GgufData data;
  data.alignment = alignment_of(metadata);
  std::vector<TensorInfo> tensors = read_gguf_tensors(reader, header.tensors, source);
  // A file without tensors may end before its data would begin.
  const std::uint64_t padding = (data.alignment - reader.position() % data.alignment) % data.alignment;
  data.begin = reader.position() + std::min(padding, reader.left());
  data.bytes = file.bytes().size() - data.begin;
  place_gguf_tensors(tensors, data, source);
  std::vector<MappedFile> files;
  files.push_back(std::move(file));
  return {std::move(metadata), std::move(files), std::move(tensors)};
}

GgufFile GgufFile::open(const std::string& path) { return parse(MappedFile::open(path)); }

GgufFile GgufFile::from_memory(std::span<const std::byte> bytes, const std::string& source) {
  return parse(MappedFile::over(bytes, source));
}

}  // namespace fllm
