// SPDX-License-Identifier: Apache-2.0
#include "host/model/tensor_read.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <cstring>

#include "cuda/portable/numeric.h"

namespace fllm {
namespace {

constexpr std::int64_t kMaxProduct = std::int64_t{1} << 62;

template <class T>
float load(const std::byte* storage, std::int64_t index) {
  T value;
  std::memcpy(&value, storage + static_cast<std::size_t>(index) * sizeof(T), sizeof(T));
  return to_float(value);
}

template <>
float load<double>(const std::byte* storage, std::int64_t index) {
  double value;
  std::memcpy(&value, storage + static_cast<std::size_t>(index) * sizeof(value), sizeof(value));
  return static_cast<float>(value);
}

/// Walks the elements in row-major order, the last dimension fastest.
template <class T>
void gather(const PickleTensor& tensor, const std::byte* storage, std::span<float> out) {
  std::vector<std::int64_t> position(tensor.shape.size(), 0);
  std::int64_t index = tensor.offset;
  for (float& value : out) {
    value = load<T>(storage, index);
    for (std::size_t d = position.size(); d-- > 0;) {
      index += tensor.strides[d];
      if (++position[d] < tensor.shape[d]) break;
      index -= tensor.strides[d] * tensor.shape[d];
      position[d] = 0;
    }
  }
}

}  // namespace

std::uint64_t element_bytes(StorageType type) {
  switch (type) {
    case StorageType::kFloat64:
      return 8;
    case StorageType::kFloat16:
    case StorageType::kBFloat16:
      return 2;
    default:
      return 4;
  }
}

std::optional<std::int64_t> element_count(const std::vector<std::int64_t>& shape) {
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) {
    if (extent == 0) return 0;
  }
  for (const std::int64_t extent : shape) {
    if (count > kMaxProduct / extent) return std::nullopt;
    count *= extent;
  }
  return count;
}

std::optional<std::string> reach_problem(const PickleTensor& tensor) {
  const std::int64_t available = tensor.storage.element_count;
  const std::optional<std::int64_t> count = element_count(tensor.shape);
  // More elements than the storage has can only be one element many times over; that would let a small file ask for any
  // amount of memory.
  if (!count || *count > available) {
    return fmt::format("shape {} has more elements than its storage, which has {}", shape_text(tensor.shape),
                       available);
  }
  if (*count == 0) return std::nullopt;
  std::int64_t last = tensor.offset;
  for (std::size_t d = 0; d < tensor.shape.size() && last < available; ++d) {
    const std::int64_t steps = tensor.shape[d] - 1;
    if (steps > 0 && tensor.strides[d] > (available - last) / steps) {
      last = available;
    } else {
      last += steps * tensor.strides[d];
    }
  }
  if (last >= available) {
    return fmt::format("offset {}, shape {} and strides {} reach beyond its storage of {} elements", tensor.offset,
                       shape_text(tensor.shape), shape_text(tensor.strides), available);
  }
  return std::nullopt;
}

bool is_whole_storage(const PickleTensor& tensor) {
  if (tensor.offset != 0) return false;
  std::int64_t expected = 1;
  for (std::size_t d = tensor.shape.size(); d-- > 0;) {
    if (tensor.shape[d] != 1 && tensor.strides[d] != expected) return false;
    expected *= tensor.shape[d];
  }
  return expected == tensor.storage.element_count;
}

void convert(const PickleTensor& tensor, std::span<const std::byte> storage, std::span<float> out) {
  switch (tensor.storage.type) {
    case StorageType::kFloat64:
      return gather<double>(tensor, storage.data(), out);
    case StorageType::kFloat16:
      return gather<Half>(tensor, storage.data(), out);
    case StorageType::kBFloat16:
      return gather<BFloat16>(tensor, storage.data(), out);
    default:
      return gather<float>(tensor, storage.data(), out);
  }
}

std::string shape_text(const std::vector<std::int64_t>& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

}  // namespace fllm
