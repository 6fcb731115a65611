// SPDX-License-Identifier: Apache-2.0
#include "host/api/c_constraint.h"

#include <string>

#include "fundamentallm/result.h"

namespace fllm {
namespace {

void raise(const char* error) {
  if (error != nullptr) throw Exception(ErrorCode::kInvalidArgument, error);
}

}  // namespace

std::shared_ptr<const Constraint> CConstraint::at_start(const fllm_constraint& functions) {
  try {
    return std::make_shared<const CConstraint>(functions);
  } catch (const Exception& error) {
    throw Exception(error.code(), std::string("constraint: fork: ") + error.what());
  }
}

CConstraint::CConstraint(const fllm_constraint& functions) : functions_(functions) {
  functions_.state = nullptr;
  raise(functions.fork(functions.user, functions.state, &functions_.state));
}

void CConstraint::fill_mask(std::span<std::uint32_t> mask) {
  raise(functions_.fill_mask(functions_.user, functions_.state, mask.data(), mask.size()));
}

bool CConstraint::advance(std::int32_t id) {
  std::int32_t taken = 0;
  raise(functions_.advance(functions_.user, functions_.state, id, &taken));
  return taken != 0;
}

void CConstraint::rollback(std::int32_t token_count) {
  raise(functions_.rollback(functions_.user, functions_.state, token_count));
}

bool CConstraint::may_end() const {
  std::int32_t may_end = 0;
  raise(functions_.may_end(functions_.user, functions_.state, &may_end));
  return may_end != 0;
}

}  // namespace fllm
