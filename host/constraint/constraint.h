// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>

#include "fundamentallm/constraint.h"
#include "fundamentallm/options.h"

namespace fllm {

/// A constraint as a sample has it: its masks have end tokens exactly where the output may end, and nothing that may not be drawn.
class SampleConstraint : public Constraint {
 public:
  /// Whether some token is allowed as text.
  [[nodiscard]] virtual bool can_go_on() = 0;
  /// The one token that is allowed, as text or as an end; none: there are several, or there is none.
  [[nodiscard]] virtual std::optional<TokenId> forced() = 0;
  /// The token guessed to come because the text is known as far as it goes, no end; none: it is not known, or there is no such token.
  [[nodiscard]] virtual std::optional<TokenId> spelled() = 0;
  /// As fork.
  [[nodiscard]] virtual std::unique_ptr<SampleConstraint> copy() const = 0;
  [[nodiscard]] std::unique_ptr<Constraint> fork() const final { return copy(); }
};

}  // namespace fllm
