// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/compile_budget.h"

#include "fundamentallm/result.h"

namespace fllm {

void CompileBudget::fail(const char* what, std::size_t limit) const {
  throw Exception(ErrorCode::kInvalidArgument, name_ + ": it takes more than " + std::to_string(limit) + " " + what +
                                                   ", the limit: fewer or shorter repetitions and alternatives are "
                                                   "allowed");
}

}  // namespace fllm
