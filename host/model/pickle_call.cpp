// SPDX-License-Identifier: Apache-2.0
#include "host/model/pickle_call.h"

#include <fmt/core.h>

#include <array>

namespace fllm {
namespace {

constexpr std::size_t kMaxPickleDimensions = 16;
constexpr std::int64_t kMaxPickleElements = std::int64_t{1}
                                            << 48;  // products of two stay within 64 bits when checked stepwise

struct Listed {
  std::string_view name;
  PickleFunction function;
  StorageType type = StorageType::kOther;
};
constexpr std::array kAllowed = {
    Listed{"collections.OrderedDict", PickleFunction::kOrderedDict},
    Listed{"torch._utils._rebuild_tensor_v2", PickleFunction::kRebuildTensor},
    Listed{"torch._utils._rebuild_parameter", PickleFunction::kRebuildParameter},
    Listed{"torch.Size", PickleFunction::kSize},
    Listed{"torch.device", PickleFunction::kDevice},
    Listed{"torch.FloatStorage", PickleFunction::kStorageType, StorageType::kFloat32},
    Listed{"torch.DoubleStorage", PickleFunction::kStorageType, StorageType::kFloat64},
    Listed{"torch.HalfStorage", PickleFunction::kStorageType, StorageType::kFloat16},
    Listed{"torch.BFloat16Storage", PickleFunction::kStorageType, StorageType::kBFloat16},
    Listed{"torch.LongStorage", PickleFunction::kStorageType},
    Listed{"torch.IntStorage", PickleFunction::kStorageType},
    Listed{"torch.ShortStorage", PickleFunction::kStorageType},
    Listed{"torch.CharStorage", PickleFunction::kStorageType},
    Listed{"torch.ByteStorage", PickleFunction::kStorageType},
    Listed{"torch.BoolStorage", PickleFunction::kStorageType},
    Listed{"torch.ComplexFloatStorage", PickleFunction::kStorageType},
    Listed{"torch.ComplexDoubleStorage", PickleFunction::kStorageType},
    Listed{"torch.QInt8Storage", PickleFunction::kStorageType},
    Listed{"torch.QUInt8Storage", PickleFunction::kStorageType},
    Listed{"torch.QInt32Storage", PickleFunction::kStorageType},
};

PickleCallError wrong(std::string reason) { return {std::move(reason)}; }

/// A tuple of integers in [0, kMaxPickleElements], or the reason why not.
std::variant<std::vector<std::int64_t>, PickleCallError> extents(const PickleValue& value, std::string_view what) {
  const auto* tuple = value.as<PickleTuple>();
  if (tuple == nullptr) return wrong(fmt::format("the {} is {}, not a tuple", what, kind_name(value)));
  if (tuple->items.size() > kMaxPickleDimensions) {
    return wrong(fmt::format("the {} has {} dimensions, at most {} are allowed", what, tuple->items.size(),
                             kMaxPickleDimensions));
  }
  std::vector<std::int64_t> result;
  for (PickleRef item : tuple->items) {
    const auto* extent = item->as<std::int64_t>();
    if (extent == nullptr) return wrong(fmt::format("the {} holds {}, not integers", what, kind_name(*item)));
    if (*extent < 0 || *extent > kMaxPickleElements) {
      return wrong(fmt::format("the {} holds {}, outside [0, {}]", what, *extent, kMaxPickleElements));
    }
    result.push_back(*extent);
  }
  return result;
}

PickleCallResult rebuild_tensor(const PickleTuple& arguments) {
  // (storage, offset, size, stride, requires_grad, hooks[, metadata])
  const auto& items = arguments.items;
  if (items.size() != 6 && items.size() != 7) return wrong(fmt::format("{} arguments instead of 6 or 7", items.size()));
  const auto* storage = items[0]->as<PickleStorage>();
  if (storage == nullptr) return wrong(fmt::format("a tensor over {} instead of a storage", kind_name(*items[0])));
  const auto* offset = items[1]->as<std::int64_t>();
  if (offset == nullptr) return wrong(fmt::format("a tensor offset that is {}", kind_name(*items[1])));
  if (*offset < 0 || *offset > kMaxPickleElements) {
    return wrong(fmt::format("a tensor offset of {}, outside [0, {}]", *offset, kMaxPickleElements));
  }
  auto shape = extents(*items[2], "tensor shape");
  if (auto* error = std::get_if<PickleCallError>(&shape)) return *error;
  auto strides = extents(*items[3], "tensor stride");
  if (auto* error = std::get_if<PickleCallError>(&strides)) return *error;
  PickleTensor tensor{*storage, *offset, std::get<0>(std::move(shape)), std::get<0>(std::move(strides))};
  if (tensor.shape.size() != tensor.strides.size()) {
    return wrong(fmt::format("a tensor with {} dimensions and {} strides", tensor.shape.size(), tensor.strides.size()));
  }
  return PickleValue{std::move(tensor)};
}

PickleCallResult rebuild_parameter(const PickleTuple& arguments) {
  // (data, requires_grad, hooks)
  if (arguments.items.size() != 3) return wrong(fmt::format("{} arguments instead of 3", arguments.items.size()));
  if (arguments.items[0]->as<PickleTensor>() == nullptr) {
    return wrong(fmt::format("a parameter over {} instead of a tensor", kind_name(*arguments.items[0])));
  }
  return arguments.items[0];
}

// Filled by later opcodes.
PickleCallResult ordered_dict(const PickleTuple& arguments) {
  if (!arguments.items.empty()) return wrong(fmt::format("{} arguments instead of none", arguments.items.size()));
  return PickleValue{PickleDict{}};
}

PickleCallResult size(const PickleTuple& arguments) {
  if (arguments.items.size() != 1) return wrong(fmt::format("{} arguments instead of 1", arguments.items.size()));
  const auto* tuple = arguments.items[0]->as<PickleTuple>();
  if (tuple == nullptr) return wrong(fmt::format("{} instead of a tuple", kind_name(*arguments.items[0])));
  if (tuple->items.size() > kMaxPickleDimensions) {
    return wrong(fmt::format("{} dimensions, at most {} are allowed", tuple->items.size(), kMaxPickleDimensions));
  }
  return PickleValue{*tuple};
}

}  // namespace

std::optional<PickleGlobal> find_global(std::string_view full_name) {
  for (const Listed& listed : kAllowed) {
    if (listed.name == full_name) return PickleGlobal{listed.function, listed.type, listed.name};
  }
  return std::nullopt;
}

PickleCallResult call_global(const PickleGlobal& function, const PickleTuple& arguments) {
  switch (function.function) {
    case PickleFunction::kOrderedDict:
      return ordered_dict(arguments);
    case PickleFunction::kRebuildTensor:
      return rebuild_tensor(arguments);
    case PickleFunction::kRebuildParameter:
      return rebuild_parameter(arguments);
    case PickleFunction::kSize:
      return size(arguments);
    case PickleFunction::kDevice:
      return PickleValue{PickleOpaque{}};
    case PickleFunction::kStorageType:
      break;
  }
  return wrong("a storage type cannot be called");
}

std::variant<PickleStorage, PickleCallError> storage_of(const PickleValue& persistent_id) {
  const auto* tuple = persistent_id.as<PickleTuple>();
  if (tuple == nullptr || tuple->items.size() != 5) {
    return wrong("a persistent id must be ('storage', type, key, location, element count)");
  }
  const auto& items = tuple->items;
  const auto* tag = items[0]->as<std::string_view>();
  if (tag == nullptr || *tag != "storage") return wrong("a persistent id must begin with 'storage'");
  const auto* type = items[1]->as<PickleGlobal>();
  if (type == nullptr || type->function != PickleFunction::kStorageType) {
    return wrong(fmt::format("a storage whose type is {}", kind_name(*items[1])));
  }
  const auto* key = items[2]->as<std::string_view>();
  if (key == nullptr) return wrong(fmt::format("a storage whose key is {}, not a string", kind_name(*items[2])));
  const auto* count = items[4]->as<std::int64_t>();
  if (count == nullptr) return wrong(fmt::format("a storage whose element count is {}", kind_name(*items[4])));
  if (*count < 0 || *count > kMaxPickleElements) {
    return wrong(fmt::format("a storage of {} elements, outside [0, {}]", *count, kMaxPickleElements));
  }
  return PickleStorage{type->storage_type, type->name, *key, *count};
}

}  // namespace fllm
