// SPDX-License-Identifier: Apache-2.0
#include "host/model/safetensors_file.h"

#include <fmt/core.h>

#include <filesystem>
#include <set>

#include "host/model/safetensors_index.h"
#include "host/util/bad_file.h"
#include "host/util/quoted_text.h"
#include "host/util/read_file.h"

namespace fllm {
namespace {

constexpr std::size_t kMaxIndexBytes = std::size_t{16} << 20;
constexpr std::size_t kMaxFiles = 1024;
constexpr std::size_t kMaxListedFiles = 8;

/// Keeps of a file's tensors those the index takes from it, and strikes these off the index.
void take_listed(SafetensorsHeader& all, SafetensorsHeader of_file, std::uint64_t file_begin, TextMap& index,
                 const std::string& file_name) {
  for (TensorInfo& tensor : of_file.tensors) {
    const auto listed = index.find(tensor.name);
    if (listed == index.end() || listed->second != file_name) continue;
    index.erase(listed);
    tensor.offset += file_begin;
    all.tensors.push_back(std::move(tensor));
  }
  if (file_begin == 0) all.metadata = std::move(of_file.metadata);
}

void refuse_missing(const TextMap& missing, const std::string& source) {
  if (missing.empty()) return;
  std::string list;
  std::size_t count = 0;
  for (const auto& [tensor, file] : missing) {
    if (count++ == kMaxListedFiles) break;
    list += fmt::format("{}{} in {}", list.empty() ? "" : ", ", quoted_text(tensor), quoted_text(file));
  }
  bad_file(source, fmt::format("{} tensors are not in the files it gives for them: {}{}", missing.size(), list,
                               count > kMaxListedFiles ? ", …" : ""));
}

}  // namespace

SafetensorsFile::SafetensorsFile(const std::string& source, std::vector<MappedFile> files, SafetensorsHeader header)
    : MappedTensors(source, std::move(files), std::move(header.tensors)), metadata_(std::move(header.metadata)) {}

SafetensorsFile SafetensorsFile::open(const std::string& path) {
  return path.ends_with(".json") ? open_index(path) : parse(MappedFile::open(path));
}

SafetensorsFile SafetensorsFile::from_memory(std::span<const std::byte> bytes, const std::string& source) {
  return parse(MappedFile::over(bytes, source));
}

SafetensorsFile SafetensorsFile::parse(MappedFile file) {
  SafetensorsHeader header = parse_safetensors_header(file.bytes(), file.name());
  const std::string source = file.name();
  std::vector<MappedFile> files;
  files.push_back(std::move(file));
  return {source, std::move(files), std::move(header)};
}

SafetensorsFile SafetensorsFile::open_index(const std::string& path) {
  TextMap index = parse_safetensors_index(read_file(path, kMaxIndexBytes), path);
  std::set<std::string> names;
  for (const auto& [tensor, file] : index) names.insert(file);
  if (names.empty()) bad_file(path, "weight_map names no tensor");
  if (names.size() > kMaxFiles) {
    bad_file(path, fmt::format("{} files: at most {} are allowed", names.size(), kMaxFiles));
  }
  std::vector<MappedFile> files;
  SafetensorsHeader header;
  std::uint64_t begin = 0;
  for (const std::string& name : names) {
    files.push_back(MappedFile::open((std::filesystem::path(path).parent_path() / name).string()));
    const MappedFile& file = files.back();
    take_listed(header, parse_safetensors_header(file.bytes(), file.name()), begin, index, name);
    begin += file.bytes().size();
  }
  refuse_missing(index, path);
  return {path, std::move(files), std::move(header)};
}

}  // namespace fllm
