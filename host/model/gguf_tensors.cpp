// SPDX-License-Identifier: Apache-2.0
#include "host/model/gguf_tensors.h"

#include <fmt/core.h>

#include <algorithm>

#include "host/model/tensor_type.h"
#include "host/model/unreadable_types.h"
#include "host/util/bad_file.h"
#include "host/util/quoted_text.h"

namespace fllm {
namespace {

constexpr std::uint64_t kMaxNameBytes = 64;  // the format's own limit
constexpr std::uint32_t kMaxGgufDimensions = 4;
constexpr std::uint64_t kMaxExtent = std::uint64_t{1} << 62;

std::string take_name(ByteReader& reader) {
  const auto length = reader.take<std::uint64_t>("the length of a tensor's name");
  if (length == 0 || length > kMaxNameBytes) {
    reader.fail(fmt::format("a tensor's name of {} bytes: must have 1 to {}", length, kMaxNameBytes));
  }
  const auto name = reader.take_bytes(length, "a tensor's name");
  return {reinterpret_cast<const char*>(name.data()), name.size()};
}

/// The file has the innermost dimension first.
std::vector<std::int64_t> take_shape(ByteReader& reader) {
  const auto dimensions = reader.take<std::uint32_t>("the number of dimensions");
  if (dimensions == 0 || dimensions > kMaxGgufDimensions) {
    reader.fail(fmt::format("{} dimensions: must be 1 to {}", dimensions, kMaxGgufDimensions));
  }
  std::vector<std::int64_t> shape(dimensions);
  for (std::uint32_t d = 0; d < dimensions; ++d) {
    const auto extent = reader.take<std::uint64_t>("a dimension");
    if (extent == 0 || extent > kMaxExtent) reader.fail(fmt::format("dimension {}: must be in [1, 2^62]", extent));
    shape[dimensions - 1 - d] = static_cast<std::int64_t>(extent);
  }
  return shape;
}

std::string readable_types() {
  std::string list;
  for (const TensorTypeFacts& facts : kTensorTypes) list += fmt::format("{}{}", list.empty() ? "" : ", ", facts.name);
  return list;
}

}  // namespace

std::vector<TensorInfo> read_gguf_tensors(ByteReader& reader, std::uint64_t count, const std::string& source) {
  std::vector<TensorInfo> tensors;
  UnreadableTypes unreadable;
  for (std::uint64_t i = 0; i < count; ++i) {
    reader.leave();
    TensorInfo tensor;
    tensor.name = take_name(reader);
    reader.enter("tensor", tensor.name);
    tensor.shape = take_shape(reader);
    const auto number = reader.take<std::uint32_t>("a tensor's type");
    tensor.offset = reader.take<std::uint64_t>("a tensor's offset");
    const auto type = type_of_gguf(number);
    if (type) {
      tensor.type = *type;
      if (const auto problem = shape_problem(*type, tensor.shape)) reader.fail(*problem);
      tensor.bytes = tensor_bytes(*type, tensor.shape);
      tensors.push_back(std::move(tensor));
    } else {
      unreadable.add(fmt::format("{} ({})", gguf_type_name(number), number), tensor.name);
    }
    reader.leave();
  }
  unreadable.refuse(source, readable_types());
  return tensors;
}

void place_gguf_tensors(std::vector<TensorInfo>& tensors, const GgufData& data, const std::string& source) {
  const auto refuse = [&](const TensorInfo& tensor, const std::string& what) {
    bad_file(source, fmt::format("tensor {}: {}", quoted_text(tensor.name), what));
  };
  std::vector<const TensorInfo*> in_order;
  in_order.reserve(tensors.size());
  for (TensorInfo& tensor : tensors) {
    if (tensor.offset % data.alignment != 0) {
      refuse(tensor,
             fmt::format("offset {}: must be a multiple of general.alignment, {}", tensor.offset, data.alignment));
    }
    if (tensor.offset > data.bytes || tensor.bytes > data.bytes - tensor.offset) {
      refuse(tensor, fmt::format("{} bytes at offset {} reach beyond the data, which has {}", tensor.bytes,
                                 tensor.offset, data.bytes));
    }
    tensor.offset += data.begin;
    in_order.push_back(&tensor);
  }
  std::sort(in_order.begin(), in_order.end(), [](const auto* a, const auto* b) { return a->offset < b->offset; });
  for (std::size_t i = 1; i < in_order.size(); ++i) {
    const TensorInfo &before = *in_order[i - 1], &tensor = *in_order[i];
    if (tensor.offset - before.offset < before.bytes) {
      refuse(tensor, fmt::format("shares bytes with tensor {}", quoted_text(before.name)));
    }
  }
}

}  // namespace fllm
