// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/dfa_constraint.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "host/constraint/token_mask.h"

namespace fllm {

DfaConstraint::DfaConstraint(std::shared_ptr<ConstraintTables> tables, const TokenIndex& tokens,
                             std::int32_t max_tokens)
    : tables_(std::move(tables)), tokens_(&tokens) {
  states_.reserve(static_cast<std::size_t>(max_tokens) + 1);
  states_.push_back(ByteDfa::kStart);
}

void DfaConstraint::fill_mask(std::span<std::uint32_t> mask) {
  const auto row = tables_->row(state());
  std::copy(row.begin(), row.end(), mask.begin());
}

bool DfaConstraint::advance(TokenId id) {
  if (tables_->is_end(id) || !is_allowed(tables_->row(state()), id)) return false;
  states_.push_back(tables_->dfa().walk(state(), tokens_->bytes(id)));
  return true;
}

void DfaConstraint::rollback(std::int32_t token_count) {
  states_.resize(states_.size() - static_cast<std::size_t>(token_count));
}

std::unique_ptr<SampleConstraint> DfaConstraint::copy() const {
  auto copy = std::make_unique<DfaConstraint>(tables_, *tokens_, static_cast<std::int32_t>(states_.capacity()) - 1);
  copy->states_.assign(states_.begin(), states_.end());
  return copy;
}

}  // namespace fllm
