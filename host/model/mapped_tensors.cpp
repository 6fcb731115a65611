// SPDX-License-Identifier: Apache-2.0
#include "host/model/mapped_tensors.h"

#include <fmt/core.h>

#include <algorithm>

#include "host/model/quantized_blocks.h"
#include "host/util/bad_file.h"
#include "host/util/quoted_text.h"

namespace fllm {

MappedTensors::MappedTensors(std::string source, std::vector<MappedFile> files, std::vector<TensorInfo> tensors)
    : source_(std::move(source)), files_(std::move(files)), tensors_(std::move(tensors)) {
  std::uint64_t end = 0;
  for (const MappedFile& file : files_) ends_.push_back(end += file.bytes().size());
  by_name_.reserve(tensors_.size());
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    if (!by_name_.emplace(tensors_[i].name, i).second) {
      bad_file(source_, fmt::format("tensor {}: is there twice", quoted_text(tensors_[i].name)));
    }
  }
}

const TensorInfo* MappedTensors::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &tensors_[found->second];
}

void MappedTensors::read(const TensorInfo& tensor, std::span<float> out) const {
  expand_to_float(tensor.type, bytes(tensor), out);
}

std::span<const std::byte> MappedTensors::bytes(const TensorInfo& tensor) const {
  if (tensor.bytes == 0) return {};  // may lie behind the last file
  const auto file =
      static_cast<std::size_t>(std::upper_bound(ends_.begin(), ends_.end(), tensor.offset) - ends_.begin());
  const std::uint64_t begin = file == 0 ? 0 : ends_[file - 1];
  return files_[file].bytes().subspan(static_cast<std::size_t>(tensor.offset - begin),
                                      static_cast<std::size_t>(tensor.bytes));
}

}  // namespace fllm
