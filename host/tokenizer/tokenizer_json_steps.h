// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "host/tokenizer/file_problems.h"
#include "host/tokenizer/json_file.h"
#include "host/tokenizer/token_vocabulary.h"

namespace fllm {

/// A member of an object; nullptr when it is absent or null, or value is no object.
[[nodiscard]] const Json* member(const Json& value, const char* key);
/// Whether a member has this value; an absent one, or null, is fallback.
[[nodiscard]] bool member_is(const Json& value, const char* key, const Json& expected, const Json& fallback = nullptr);

/// Recognises what a tokenizer.json does to a text before its model sees it (normalizer, pre_tokenizer) as one of the
/// ways this library knows, and sets pre_tokenizer or add_space_prefix for vocabulary.algorithm. Anything else is a
/// problem that shows what the file says. Unicode normalisation (NFC) is accepted, and not done.
void recognise_steps(const Json& file, TokenVocabulary& vocabulary, FileProblems& problems);

/// The text of the token that post_processor puts before a text, where it does.
[[nodiscard]] std::optional<std::string> leading_token(const Json& file);

}  // namespace fllm
