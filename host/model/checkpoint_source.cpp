// SPDX-License-Identifier: Apache-2.0
#include "host/model/checkpoint_source.h"

namespace fllm {
namespace {

/// Of a type that cannot be read, any: problem() refuses it.
TensorType tensor_type(StorageType type) {
  switch (type) {
    case StorageType::kFloat64:
      return TensorType::kF64;
    case StorageType::kFloat16:
      return TensorType::kF16;
    case StorageType::kBFloat16:
      return TensorType::kBF16;
    case StorageType::kFloat32:
    case StorageType::kOther:
      break;
  }
  return TensorType::kF32;
}

}  // namespace

CheckpointSource::CheckpointSource(Checkpoint& checkpoint) : checkpoint_(checkpoint) {
  tensors_.reserve(checkpoint.names().size());  // so that none of them moves
  for (const std::string_view name : checkpoint.names()) {
    const PickleTensor& tensor = *checkpoint.find(name);
    tensors_.push_back({.name = std::string(name), .shape = tensor.shape, .type = tensor_type(tensor.storage.type)});
    by_name_.emplace(name, &tensors_.back());
  }
}

const TensorInfo* CheckpointSource::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

std::optional<std::string> CheckpointSource::problem(const TensorInfo& tensor) const {
  return checkpoint_.problem(*checkpoint_.find(tensor.name));
}

void CheckpointSource::read(const TensorInfo& tensor, std::span<float> out) const {
  checkpoint_.read(*checkpoint_.find(tensor.name), out);
}

}  // namespace fllm
