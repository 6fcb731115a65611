// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "host/model/checkpoint.h"
#include "host/model/tensor_source.h"

namespace fllm {

/// A PyTorch checkpoint's state dict as named tensors. The checkpoint must outlive it.
class CheckpointSource final : public TensorSource {
 public:
  explicit CheckpointSource(Checkpoint& checkpoint);

  [[nodiscard]] const std::string& source() const override { return checkpoint_.source(); }
  [[nodiscard]] std::span<const TensorInfo> tensors() const override { return tensors_; }
  [[nodiscard]] const TensorInfo* find(std::string_view name) const override;
  [[nodiscard]] std::optional<std::string> problem(const TensorInfo& tensor) const override;
  void read(const TensorInfo& tensor, std::span<float> out) const override;
  /// None: a storage may be compressed, and a tensor may be strided.
  [[nodiscard]] std::span<const std::byte> bytes(const TensorInfo&) const override { return {}; }

 private:
  Checkpoint& checkpoint_;
  std::vector<TensorInfo> tensors_;
  std::unordered_map<std::string_view, const TensorInfo*> by_name_;
};

}  // namespace fllm
