// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>

namespace fllm {

/// Where one output stands in what it may become: the engine asks for the mask of the next token, says which was drawn, takes
/// tokens back when a draft is refused, and forks it for other samples and beams. Grammars of other engines plug in here, see
/// CustomConstraint. The engine checks what it is told: banned ids, special tokens without text and ids beyond the vocabulary stay
/// forbidden whatever a mask says, and an exception ends its own sample with an error that has its text.
///
/// Threads. All of one request are called by the thread that steps, one call at a time. They may not call the generator.
class Constraint {
 public:
  Constraint() = default;
  Constraint(const Constraint&) = delete;
  Constraint& operator=(const Constraint&) = delete;
  virtual ~Constraint() = default;

  /// Allow mask of the vocabulary: bit i % 32 of word i / 32, 1: allowed as text. mask: [(vocab_size + 31) / 32]. What it says of
  /// end tokens does not matter; may_end does.
  virtual void fill_mask(std::span<std::uint32_t> mask) = 0;
  /// Takes a token as text; false, and nothing changes, where it is not allowed.
  virtual bool advance(std::int32_t id) = 0;
  /// Takes back the last tokens. Precondition: 0 <= token_count <= those taken.
  virtual void rollback(std::int32_t token_count) = 0;
  /// The same place, which goes its own way from here.
  [[nodiscard]] virtual std::unique_ptr<Constraint> fork() const = 0;
  /// Whether the output may end here.
  [[nodiscard]] virtual bool may_end() const = 0;
};

}  // namespace fllm
