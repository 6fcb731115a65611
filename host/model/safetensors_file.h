// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "host/model/mapped_tensors.h"
#include "host/model/safetensors_header.h"

namespace fllm {

/// A safetensors file, or the files that a model.safetensors.index.json names, mapped into memory. Of several files, the
/// tensors are those the index lists, in the files it gives for them. The files are taken as hostile.
class SafetensorsFile final : public MappedTensors {
 public:
  /// A path that ends with .json is an index. Exception: kNotFound, kIo; kBadFormat; kUnsupported: a dtype that is no
  /// float.
  [[nodiscard]] static SafetensorsFile open(const std::string& path);
  /// One file; views the bytes, which must outlive it.
  [[nodiscard]] static SafetensorsFile from_memory(std::span<const std::byte> bytes, const std::string& source);

  /// "__metadata__" of the file, or of the first of several.
  [[nodiscard]] const TextMap& metadata() const { return metadata_; }

 private:
  static SafetensorsFile open_index(const std::string& path);
  static SafetensorsFile parse(MappedFile file);
  SafetensorsFile(const std::string& source, std::vector<MappedFile> files, SafetensorsHeader header);

  TextMap metadata_;
};

}  // namespace fllm
