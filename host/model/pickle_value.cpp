// SPDX-License-Identifier: Apache-2.0
#include "host/model/pickle_value.h"

#include <array>

namespace fllm {

PickleRef PickleDict::find(std::string_view key) const {
  for (auto item = items.rbegin(); item != items.rend(); ++item) {
    const auto* text = item->first->as<std::string_view>();
    if (text != nullptr && *text == key) return item->second;
  }
  return nullptr;
}

std::string_view kind_name(const PickleValue& value) {
  constexpr std::array<std::string_view, std::variant_size_v<decltype(PickleValue::data)>> kNames = {
      "None",   "a boolean", "an integer", "a float",   "a string", "a tuple",
      "a list", "a dict",    "a global",   "a storage", "a tensor", "an object"};
  return kNames[value.data.index()];
}

}  // namespace fllm
