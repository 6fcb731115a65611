// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "host/model/pickle_value.h"

namespace fllm {

/// The allow-list: collections.OrderedDict, torch._utils._rebuild_tensor_v2 and _rebuild_parameter, torch.Size,
/// torch.device, torch.*Storage. Empty for any other "module.name".
[[nodiscard]] std::optional<PickleGlobal> find_global(std::string_view full_name);

/// What REDUCE of an allow-listed function makes: a fresh value, or (for _rebuild_parameter) one of its arguments; on
/// wrong arguments the reason, as text.
struct PickleCallError {
  std::string reason;
};
using PickleCallResult = std::variant<PickleValue, PickleRef, PickleCallError>;
[[nodiscard]] PickleCallResult call_global(const PickleGlobal& function, const PickleTuple& arguments);

/// The storage a persistent id ('storage', type, key, location, element count) names, or the reason why not.
[[nodiscard]] std::variant<PickleStorage, PickleCallError> storage_of(const PickleValue& persistent_id);

}  // namespace fllm
