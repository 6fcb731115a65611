// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "host/constraint/constraint.h"
#include "host/constraint/constraint_tables.h"
#include "host/constraint/token_index.h"

namespace fllm {

/// A place in the tables of a byte automaton: one state a token.
class DfaConstraint : public SampleConstraint {
 public:
  /// max_tokens: memory is taken for so many at once, so that none is taken while tokens are drawn. Precondition: tokens
  /// outlives this.
  DfaConstraint(std::shared_ptr<ConstraintTables> tables, const TokenIndex& tokens, std::int32_t max_tokens);

  void fill_mask(std::span<std::uint32_t> mask) override;
  bool advance(TokenId id) override;
  void rollback(std::int32_t token_count) override;
  [[nodiscard]] std::unique_ptr<SampleConstraint> copy() const override;
  [[nodiscard]] bool may_end() const override { return tables_->dfa().accepts(state()); }
  [[nodiscard]] bool can_go_on() override { return tables_->can_go_on(state()); }
  [[nodiscard]] std::optional<TokenId> forced() override { return tables_->forced(state()); }
  [[nodiscard]] std::optional<TokenId> spelled() override { return tables_->spelled(state()); }
  [[nodiscard]] ByteDfa::State state() const { return states_.back(); }

 private:
  std::shared_ptr<ConstraintTables> tables_;
  const TokenIndex* tokens_;
  std::vector<ByteDfa::State> states_;  // before the first token, and behind each
};

}  // namespace fllm
