// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "host/model/gguf_metadata.h"
#include "host/model/mapped_tensors.h"

namespace fllm {

/// A GGUF of version 2 or 3 (ggml/docs/gguf.md), mapped into memory: typed metadata, and tensors whose shapes have the
/// outermost dimension first, unlike in the file. The file is taken as hostile: opening checks the whole description.
class GgufFile final : public MappedTensors {
 public:
  /// Exception: kNotFound, kIo; kBadFormat; kUnsupported: big-endian, another version, one part of several, a tensor of
  /// a type that cannot be read.
  [[nodiscard]] static GgufFile open(const std::string& path);
  /// Views the bytes, which must outlive it.
  [[nodiscard]] static GgufFile from_memory(std::span<const std::byte> bytes, const std::string& source);

  [[nodiscard]] const GgufMetadata& metadata() const { return metadata_; }

 private:
  static GgufFile parse(MappedFile file);
  GgufFile(GgufMetadata metadata, std::vector<MappedFile> files, std::vector<TensorInfo> tensors);

  GgufMetadata metadata_;
};

}  // namespace fllm
