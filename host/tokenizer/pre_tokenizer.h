// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "host/tokenizer/token_vocabulary.h"

namespace fllm {

/// Cuts a text into the pieces within which byte-level BPE merges, as the models' own regular expressions do. These
/// never look far: the time is linear in the text, whatever it is. Which characters are letters or numbers is what
/// PCRE2's version of Unicode says (14 in PCRE2 10.42): characters that are newer than that may be cut otherwise
/// elsewhere. Immutable, so safe to share between threads.
class PreTokenSplitter {
 public:
  explicit PreTokenSplitter(PreTokenizer kind);
  ~PreTokenSplitter();
  PreTokenSplitter(PreTokenSplitter&&) noexcept;
  PreTokenSplitter& operator=(PreTokenSplitter&&) noexcept;

  /// Views of text, none empty, that joined are text. Precondition: text is UTF-8.
  [[nodiscard]] std::vector<std::string_view> split(std::string_view text) const;

 private:
  struct Regex;
  std::unique_ptr<const Regex> regex_;
};

/// "gpt2", "llama3", "qwen2", "smollm", "default".
[[nodiscard]] std::string_view name_of(PreTokenizer kind);

}  // namespace fllm
