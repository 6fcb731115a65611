// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

#include "host/constraint/code_points.h"

namespace fllm {

/// The characters with a property of Unicode 14, as \p{...} of ECMAScript names it: a general category (L, Lu, Letter, gc=L,
/// General_Category=Letter), a script (sc=Grek, Script=Greek), Any, ASCII, Assigned. None: another name.
[[nodiscard]] std::optional<CodePointSet> unicode_property(std::string_view name);

}  // namespace fllm
