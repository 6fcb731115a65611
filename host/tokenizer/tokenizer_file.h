// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fllm {

struct CharacterToken {
  std::string text;  // UTF-8: one code point, or the name of a special token
  bool special = false;
};
using CharacterVocabulary = std::vector<CharacterToken>;  // by id

/// Checks the text of a tokenizer.json {min_frequency, char_to_id, special_tokens}: ids are 0..n-1, each once; a key is
/// one code point or listed in special_tokens; n is in [1, 2^20]. Other keys of the file are ignored.
/// Exception(kBadFormat) names the source (a file name), the key and the value.
[[nodiscard]] CharacterVocabulary parse_character_vocabulary(std::string_view json, const std::string& source);

}  // namespace fllm
