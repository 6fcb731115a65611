// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace fllm {

/// What compiling one constraint may take. Steps are counted, not timed, so the answer is the same on every machine.
struct CompileLimits {
  std::size_t nfa_states = 400'000;
  std::size_t dfa_states = 65'536;
  std::size_t steps = 24'000'000;                   // of any part of the compiler
  std::size_t table_bytes = std::size_t{64} << 20;  // of the transitions, and again of the mask rows
};

/// Counts what a compilation has taken, and ends it with Exception(kInvalidArgument) that names the limit.
class CompileBudget {
 public:
  /// name: of the constraint, for messages ("regex").
  explicit CompileBudget(std::string name, CompileLimits limits = {}) : name_(std::move(name)), limits_(limits) {}

  void take_steps(std::size_t count) {
    if (count > limits_.steps - steps_) fail("compilation steps", limits_.steps);
    steps_ += count;
  }
  void check_nfa_states(std::size_t count) const {
    if (count > limits_.nfa_states) fail("states before they are merged", limits_.nfa_states);
  }
  void check_dfa_states(std::size_t count) const {
    if (count > limits_.dfa_states) fail("states", limits_.dfa_states);
  }
  void check_table_bytes(std::size_t count) const {
    if (count > limits_.table_bytes) fail("bytes of tables", limits_.table_bytes);
  }
  [[nodiscard]] const CompileLimits& limits() const { return limits_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::size_t steps() const { return steps_; }

 private:
  [[noreturn]] void fail(const char* what, std::size_t limit) const;

  std::string name_;
  CompileLimits limits_;
  std::size_t steps_ = 0;
};

}  // namespace fllm
