// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "fundamentallm/options.h"
#include "host/constraint/byte_dfa.h"
#include "host/constraint/compile_budget.h"

namespace fllm {

/// The texts a request's constraint allows. The budget goes on counting. Exception(kInvalidArgument): what is wrong with it,
/// or a limit. Precondition: source is neither std::monostate nor a CustomConstraint.
[[nodiscard]] ByteDfa compile_source(const ConstraintSource& source, CompileBudget& budget);

/// As the setting is called: "choices", "regex", "json_schema", "json", "grammar", "constraint".
[[nodiscard]] std::string source_name(const ConstraintSource& source);

}  // namespace fllm
