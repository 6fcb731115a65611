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

TokenVocabulary hugging_face_vocabulary(const Json& file, const std::string& path) {
  TokenVocabulary vocabulary = read_tokenizer_json(file, path);
  if (const auto config = find_beside(path, {"tokenizer_config.json"})) {
    apply(parse_tokenizer_config(read_file(*config, kMaxTokenizerBytes), *config), vocabulary, *config);
  }
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

std::unique_ptr<Tokenizer> load_tokenizer(const std::string& path) {
  const std::string text = read_tokenizer_file(path);
  const Json file = parse_json(text, path, kTokenizerJsonDepth);
  const auto has_object = [&](const char* key) {  // GPT-2 has a piece "model"
    return file.is_object() && file.contains(key) && file[key].is_object();
  };
  if (has_object("char_to_id")) return std::make_unique<CharacterTokenizer>(parse_character_vocabulary(text, path));
  if (has_object("model")) return make_tokenizer(hugging_face_vocabulary(file, path), path);
  const std::optional<std::string> merges = find_beside(path, {"merges.txt", "vocab.bpe"});
  if (file.is_object() && merges) {
    return make_tokenizer(read_gpt2_files(file, read_file(*merges, kMaxTokenizerBytes), path + " and " + *merges),
                          path);
  }
  bad_file(path,
           "no tokenizer that is known: must have char_to_id (FundamentaLLM) or model (Hugging Face), or be GPT-2's "
           "{piece: id} with merges.txt or vocab.bpe beside it");
}

}  // namespace fllm
