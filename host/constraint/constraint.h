// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "fundamentallm/options.h"

namespace fllm {

/// Where one output stands in what it may become. The engine asks for the mask of the next token, says which was drawn,
/// takes tokens back when a draft is refused, and forks it for a beam. Grammars of other engines plug in here. Not
/// thread-safe; forks may share tables, so all of one request belong to one thread.
class Constraint {
 public:
  Constraint() = default;
  Constraint(const Constraint&) = delete;
  Constraint& operator=(const Constraint&) = delete;
  virtual ~Constraint() = default;

  /// Allow mask of the vocabulary: bit i % 32 of word i / 32, 1: allowed. End tokens are allowed exactly where the output
  /// may end. mask: [mask_words(vocab)].
  virtual void fill_mask(std::span<std::uint32_t> mask) = 0;
  /// Takes a token as text; false, and nothing changes, where it is not allowed as text (an end token never is).
  virtual bool advance(TokenId id) = 0;
  /// Takes back the last tokens. Precondition: 0 <= token_count <= those taken.
  virtual void rollback(std::int32_t token_count) = 0;
  /// The same place, which goes its own way from here.
  [[nodiscard]] virtual std::unique_ptr<Constraint> fork() const = 0;
  /// Whether the output may end here.
  [[nodiscard]] virtual bool may_end() const = 0;
  /// Whether some token is allowed as text.
  [[nodiscard]] virtual bool can_go_on() = 0;
};

}  // namespace fllm
