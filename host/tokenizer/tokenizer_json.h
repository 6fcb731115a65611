// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "host/tokenizer/json_file.h"
#include "host/tokenizer/token_vocabulary.h"

namespace fllm {

inline constexpr int kTokenizerJsonDepth = 16;  // the formats need 8

/// Reads Hugging Face's tokenizer.json: model BPE, byte-level or like SentencePiece (byte_fallback), with merges as
/// "a b" or ["a", "b"]. Ids are 0..n-1, each used, n in [1, 2^20]. Added tokens are control tokens (special: true) or
/// user-defined; single_word, lstrip and rstrip are not done. Of post_processor only a token before the text is read:
/// it is bos. eos is not in this file: see TokenizerConfig and add_ends_by_name. Exception(kBadFormat) lists what is
/// wrong or not known, each line naming source, key and value.
[[nodiscard]] TokenVocabulary read_tokenizer_json(const Json& file, const std::string& source);
[[nodiscard]] TokenVocabulary parse_tokenizer_json(std::string_view json, const std::string& source);

/// Reads GPT-2's two files: {piece: id} (vocab.json, encoder.json), and lines of merges (merges.txt, vocab.bpe).
/// "<|endoftext|>" is bos and eos. Errors as above.
[[nodiscard]] TokenVocabulary read_gpt2_files(const Json& pieces, std::string_view merges, const std::string& source);

/// What tokenizer_config.json, beside a tokenizer.json, says of its tokens, by their text.
struct TokenizerConfig {
  std::optional<std::string> bos, eos, unknown, pad;
  std::optional<bool> add_bos;
  std::string chat_template;  // Jinja; empty: none
};
/// Exception(kBadFormat) lists the keys whose values have another type.
[[nodiscard]] TokenizerConfig parse_tokenizer_config(std::string_view json, const std::string& source);
/// A pad token that is not in the vocabulary is left out.
/// Exception(kBadFormat): a bos, eos or unknown token that is not.
void apply(const TokenizerConfig& config, TokenVocabulary& vocabulary, const std::string& source);

/// Adds special tokens that are known to end a text or a turn ("<|im_end|>", "<|eot_id|>", "</s>") to end_ids; without
/// an eos, the best of them is eos.
void add_ends_by_name(TokenVocabulary& vocabulary);

}  // namespace fllm
