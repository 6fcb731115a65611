// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "fundamentallm/c_constraint.h"
#include "fundamentallm/constraint.h"

namespace fllm {

/// A constraint of a C program. Owns its state.
class CConstraint : public Constraint {
 public:
  /// Of a request. Precondition: all functions are there. Exception(kInvalidArgument): "constraint: fork: " and what it says.
  [[nodiscard]] static std::shared_ptr<const Constraint> at_start(const fllm_constraint& functions);
  /// At the place of functions.state, which is forked. Exception(kInvalidArgument): what fork says.
  explicit CConstraint(const fllm_constraint& functions);
  CConstraint(const CConstraint&) = delete;
  CConstraint& operator=(const CConstraint&) = delete;
  ~CConstraint() override { functions_.destroy(functions_.user, functions_.state); }

  void fill_mask(std::span<std::uint32_t> mask) override;
  bool advance(std::int32_t id) override;
  void rollback(std::int32_t token_count) override;
  [[nodiscard]] std::unique_ptr<Constraint> fork() const override { return std::make_unique<CConstraint>(functions_); }
  [[nodiscard]] bool may_end() const override;

 private:
  fllm_constraint functions_;
};

}  // namespace fllm
