// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace fllm {

struct PickleValue;
using PickleRef = const PickleValue*;  // owned by its PickleDocument

/// What an allow-listed global stands for.
enum class PickleFunction : std::uint8_t {
  kOrderedDict,
  kRebuildTensor,
  kRebuildParameter,
  kSize,
  kDevice,
  kStorageType,
};

enum class StorageType : std::uint8_t {
  kFloat32,
  kFloat64,
  kFloat16,
  kBFloat16,
  kOther,  // integers, booleans, complex, quantised: never a weight
};

struct PickleGlobal {
  PickleFunction function;
  StorageType storage_type = StorageType::kOther;  // of kStorageType
  std::string_view name;                           // "torch.FloatStorage"
};

/// Elements of one archive entry, data/<key>.
struct PickleStorage {
  StorageType type;
  std::string_view type_name;
  std::string_view key;
  std::int64_t element_count;  // >= 0
};

/// A view of a storage. Nothing about it is checked against the storage yet.
struct PickleTensor {
  PickleStorage storage;
  std::int64_t offset;  // in elements
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides;  // as many as shape
};

struct PickleTuple {
  std::vector<PickleRef> items;
};
struct PickleList {
  std::vector<PickleRef> items;
};
struct PickleDict {
  std::vector<std::pair<PickleRef, PickleRef>> items;  // in order; of equal keys the last one counts

  [[nodiscard]] PickleRef find(std::string_view key) const;  // null: there is none
};
struct PickleNone {};
struct PickleOpaque {};  // an object nothing here needs, such as a torch.device

struct PickleValue {
  std::variant<PickleNone, bool, std::int64_t, double, std::string_view, PickleTuple, PickleList, PickleDict,
               PickleGlobal, PickleStorage, PickleTensor, PickleOpaque>
      data;

  template <class T>
  [[nodiscard]] const T* as() const {
    return std::get_if<T>(&data);
  }
};

/// "an integer", "a dict", …: for messages.
[[nodiscard]] std::string_view kind_name(const PickleValue& value);

}  // namespace fllm
