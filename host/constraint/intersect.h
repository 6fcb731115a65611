// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/constraint/expression.h"

namespace fllm {

/// The texts that both expressions match, by the product of their automata; nothing where there are none.
/// Exception(kInvalidArgument): a limit of the budget.
[[nodiscard]] ExprId intersect(Expressions& expressions, ExprId a, ExprId b);

}  // namespace fllm
