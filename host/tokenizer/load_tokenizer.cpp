// SPDX-License-Identifier: Apache-2.0
#include "host/tokenizer/load_tokenizer.h"

#include <fmt/core.h>

#include <optional>
#include <utility>

#include "fundamentallm/result.h"
#include "host/tokenizer/byte_level_bpe_tokenizer.h"
#include "host/tokenizer/character_tokenizer.h"
#include "host/tokenizer/json_file.h"
#include "host/tokenizer/sentence_piece_bpe_tokenizer.h"
#include "host/tokenizer/tokenizer_json.h"
#include "host/util/bad_file.h"
#include "host/util/read_file.h"

namespace fllm {
namespace {

constexpr std::size_t kMaxTokenizerBytes = std::size_t{64} << 20;  // the largest known ones have about 35 MB

std::string read_tokenizer_file(const std::string& path) {
  try {
    return read_file(path, kMaxTokenizerBytes);
  } catch (const Exception& error) {
    if (error.code() != ErrorCode::kNotFound) throw;
    throw Exception(ErrorCode::kNotFound, fmt::format("{}; the tokenizer lies beside its checkpoint", error.what()));
  }
}

/// tokenizer_config.json beside a file, where there is one.
struct ConfigBeside {
  std::optional<std::string> path;
  TokenizerConfig config;
};
ConfigBeside config_beside(const std::string& path) {
  ConfigBeside found{find_beside(path, {"tokenizer_config.json"}), {}};
  if (found.path) found.config = parse_tokenizer_config(read_file(*found.path, kMaxTokenizerBytes), *found.path);
  return found;
}

TokenVocabulary hugging_face_vocabulary(const Json& file, const std::string& path, const ConfigBeside& beside_it) {
  TokenVocabulary vocabulary = read_tokenizer_json(file, path);
  if (beside_it.path) apply(beside_it.config, vocabulary, *beside_it.path);
  add_ends_by_name(vocabulary);
  return vocabulary;
}

}  // namespace

std::unique_ptr<Tokenizer> make_tokenizer(TokenVocabulary vocabulary, const std::string& source) {
  if (vocabulary.algorithm == TokenAlgorithm::kSentencePieceBpe) {
    return std::make_unique<SentencePieceBpeTokenizer>(std::move(vocabulary), source);
  }
  return std::make_unique<ByteLevelBpeTokenizer>(std::move(vocabulary), source);
}

LoadedTokenizer load_tokenizer_files(const std::string& path) {
  const std::string text = read_tokenizer_file(path);
  const Json file = parse_json(text, path, kTokenizerJsonDepth);
  const auto has_object = [&](const char* key) {  // GPT-2 has a piece "model"
    return file.is_object() && file.contains(key) && file[key].is_object();
  };
  LoadedTokenizer loaded;
  if (has_object("char_to_id")) {
    loaded.tokenizer = std::make_unique<CharacterTokenizer>(parse_character_vocabulary(text, path));
    return loaded;
  }
  if (has_object("model")) {
    const ConfigBeside found = config_beside(path);
    loaded.tokenizer = make_tokenizer(hugging_face_vocabulary(file, path, found), path);
    loaded.chat_template = found.config.chat_template;
    return loaded;
  }
  const std::optional<std::string> merges = find_beside(path, {"merges.txt", "vocab.bpe"});
  if (file.is_object() && merges) {
    const std::string both = path + " and " + *merges;
    loaded.tokenizer = make_tokenizer(read_gpt2_files(file, read_file(*merges, kMaxTokenizerBytes), both), path);
    loaded.chat_template = config_beside(path).config.chat_template;
    return loaded;
  }
  bad_file(path,
           "no tokenizer that is known: must have char_to_id (FundamentaLLM) or model (Hugging Face), or be GPT-2's "
           "{piece: id} with merges.txt or vocab.bpe beside it");
}

std::unique_ptr<Tokenizer> load_tokenizer(const std::string& path) { return load_tokenizer_files(path).tokenizer; }

}  // namespace fllm
