// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "host/model/mapped_file.h"
#include "host/model/tensor_source.h"

namespace fllm {

/// Tensors that lie in mapped files, row-major and of the types in tensor_type.h: what the readers of such formats share.
/// Reading changes nothing, so any number of threads may. Offsets of tensors count through the files one after another.
class MappedTensors : public TensorSource {
 public:
  MappedTensors(MappedTensors&&) = default;
  MappedTensors& operator=(MappedTensors&&) = default;
  MappedTensors(const MappedTensors&) = delete;  // names are looked up by views of the elements
  MappedTensors& operator=(const MappedTensors&) = delete;
  ~MappedTensors() override = default;

  [[nodiscard]] const std::string& source() const override { return source_; }
  [[nodiscard]] std::span<const TensorInfo> tensors() const override { return tensors_; }
  [[nodiscard]] const TensorInfo* find(std::string_view name) const override;
  void read(const TensorInfo& tensor, std::span<float> out) const override;
  [[nodiscard]] std::span<const std::byte> bytes(const TensorInfo& tensor) const override;

 protected:
  /// Refuses names that are there twice. Precondition: each tensor lies within one file, and its bytes fit its shape.
  MappedTensors(std::string source, std::vector<MappedFile> files, std::vector<TensorInfo> tensors);

 private:
  std::string source_;
  std::vector<MappedFile> files_;
  std::vector<std::uint64_t> ends_;  // [files], offsets behind each file
  std::vector<TensorInfo> tensors_;
  std::unordered_map<std::string_view, std::size_t> by_name_;
};

}  // namespace fllm
