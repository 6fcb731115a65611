// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "host/tokenizer/token_vocabulary.h"
#include "host/tokenizer/tokenizer.h"

namespace fllm {

/// Exception(kBadFormat) names source and lists what is wrong with the vocabulary.
[[nodiscard]] std::unique_ptr<Tokenizer> make_tokenizer(TokenVocabulary vocabulary, const std::string& source);

struct LoadedTokenizer {
  std::unique_ptr<Tokenizer> tokenizer;
  std::string chat_template;  // of tokenizer_config.json; Jinja; empty: none
};

/// Reads a tokenizer from a file of its own, whose content tells the format: FundamentaLLM's tokenizer.json
/// (char_to_id), Hugging Face's (model), or GPT-2's vocab.json with merges.txt (encoder.json, vocab.bpe) beside it. Beside the
/// last two tokenizer_config.json may lie, whose tokens count for Hugging Face's.
/// Exception: kNotFound, kIo, or kBadFormat naming the file and what is wrong with it, or the formats known.
[[nodiscard]] LoadedTokenizer load_tokenizer_files(const std::string& path);
[[nodiscard]] std::unique_ptr<Tokenizer> load_tokenizer(const std::string& path);

}  // namespace fllm
