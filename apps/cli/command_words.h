// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace fllm::cli {

struct CommandWords {
  std::vector<std::string> words;     // for CLI11
  std::vector<std::string> operands;  // after "--": no options, whatever they look like
  std::vector<std::string> violations;
};

/// "--name=value" becomes two words (CLI11 takes an empty value for a missing one), and brackets are guarded. An option
/// without its value, at the end or before another option, is left out: CLI11 would stop at the one and take the other
/// for the value.
[[nodiscard]] CommandWords command_words(const std::vector<std::string>& typed);

/// A value as it was typed: some carry a guard that keeps CLI11 from reading "[a,b]" as a list.
[[nodiscard]] std::string unguarded(std::string word);

}  // namespace fllm::cli
