// SPDX-License-Identifier: Apache-2.0
#include "host/tokenizer/gguf_vocabulary.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "fundamentallm/result.h"
#include "host/util/quoted_text.h"

namespace fllm {
namespace {

constexpr std::string_view kModelKey = "tokenizer.ggml.model";
constexpr std::string_view kPreKey = "tokenizer.ggml.pre";
constexpr std::string_view kTokensKey = "tokenizer.ggml.tokens";
constexpr std::string_view kScoresKey = "tokenizer.ggml.scores";
constexpr std::string_view kTypesKey = "tokenizer.ggml.token_type";
constexpr std::string_view kMergesKey = "tokenizer.ggml.merges";
constexpr std::string_view kBosKey = "tokenizer.ggml.bos_token_id";
constexpr std::string_view kAddBosKey = "tokenizer.ggml.add_bos_token";

constexpr std::uint64_t kMaxMerges = std::uint64_t{1} << 22;

struct NamedPreTokenizer {
  std::string_view name;
  PreTokenizer value;
};
constexpr std::array<NamedPreTokenizer, 7> kPreTokenizers = {{{"default", PreTokenizer::kDefault},
                                                              {"gpt-2", PreTokenizer::kGpt2},
                                                              {"llama-bpe", PreTokenizer::kLlama3},
                                                              {"llama-v3", PreTokenizer::kLlama3},
                                                              {"llama3", PreTokenizer::kLlama3},
                                                              {"qwen2", PreTokenizer::kQwen2},
                                                              {"smollm", PreTokenizer::kSmolLm}}};

/// Files of chat models often name another eos, or none of these.
constexpr std::array<std::string_view, 4> kEndPieces = {"<|im_end|>", "<|eot_id|>", "<|end_of_text|>", "<|endoftext|>"};

[[noreturn]] void refuse_choice(const GgufMetadata& metadata, std::string_view key, std::string_view value,
                                std::string_view allowed) {
  throw Exception(ErrorCode::kUnsupported, fmt::format("{}: key {}: {}: must be one of {}", metadata.source(),
                                                       quoted_text(key), quoted_text(value), allowed));
}

TokenAlgorithm algorithm_of(const GgufMetadata& metadata) {
  const std::string_view model = metadata.text(kModelKey);
  if (model == "gpt2") return TokenAlgorithm::kByteLevelBpe;
  if (model == "llama") return TokenAlgorithm::kSentencePieceBpe;
  refuse_choice(metadata, kModelKey, model, "gpt2, llama");
}

PreTokenizer pre_tokenizer_of(const GgufMetadata& metadata) {
  // Files older than the key do not say. Of GPT-2 there is one; of others llama.cpp takes its default, and so are the same
  // ids drawn here.
  const bool gpt2 = metadata.find_text("general.architecture").value_or("") == "gpt2";
  const std::string_view pre = metadata.find_text(kPreKey).value_or(gpt2 ? "gpt-2" : "default");
  std::string known;
  for (const NamedPreTokenizer& candidate : kPreTokenizers) {
    if (candidate.name == pre) return candidate.value;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", candidate.name);
  }
  refuse_choice(metadata, kPreKey, pre, known);
}

/// Before its elements are decoded: an array has no more of them than allowed.
void check_count(const GgufMetadata& metadata, std::string_view key, std::uint64_t least, std::uint64_t most) {
  const GgufValue* value = metadata.find(key);
  if (value == nullptr || value->type != GgufType::kArray || (value->count >= least && value->count <= most)) return;
  metadata.refuse(key, fmt::format("{} elements: must have {}", value->count,
                                   least == most ? fmt::format("{}, as {} has", most, quoted_text(kTokensKey))
                                                 : fmt::format("{} to {}", least, most)));
}

std::vector<std::string> pieces_of(const GgufMetadata& metadata) {
  check_count(metadata, kTokensKey, 1, kMaxTokens);
  const std::vector<std::string_view> tokens = metadata.texts(kTokensKey);
  return {tokens.begin(), tokens.end()};
}

std::vector<TokenKind> kinds_of(const GgufMetadata& metadata, std::size_t vocab_size) {
  // llama.h: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte
  check_count(metadata, kTypesKey, vocab_size, vocab_size);
  const auto types = metadata.find_integers(kTypesKey, {1, 6});
  std::vector<TokenKind> kinds(vocab_size, TokenKind::kNormal);
  for (std::size_t id = 0; types && id < vocab_size; ++id) {
    kinds[id] = static_cast<TokenKind>((*types)[id] - 1);
  }
  return kinds;
}

std::vector<float> scores_of(const GgufMetadata& metadata, std::size_t vocab_size) {
  check_count(metadata, kScoresKey, vocab_size, vocab_size);
  std::vector<float> scores = metadata.reals(kScoresKey);
  for (std::size_t id = 0; id < scores.size(); ++id) {
    if (std::isnan(scores[id])) metadata.refuse(kScoresKey, fmt::format("element {} is not a number", id));
  }
  return scores;
}

std::vector<std::pair<std::string, std::string>> merges_of(const GgufMetadata& metadata) {
  check_count(metadata, kMergesKey, 0, kMaxMerges);
  const std::vector<std::string_view> lines = metadata.texts(kMergesKey);
  std::vector<std::pair<std::string, std::string>> merges;
  merges.reserve(lines.size());
  for (const std::string_view line : lines) {
    const std::size_t space = line.find(' ');
    if (space == 0 || space >= line.size() - 1 || line.find(' ', space + 1) != std::string_view::npos) {
      metadata.refuse(kMergesKey, fmt::format("element {}: {}: must be two pieces with a space between", merges.size(),
                                              quoted_text(line)));
    }
    merges.emplace_back(line.substr(0, space), line.substr(space + 1));
  }
  return merges;
}

std::optional<TokenId> id_of(const GgufMetadata& metadata, std::string_view key, std::size_t vocab_size) {
  const auto id = metadata.find_integer(key, {0, static_cast<std::int64_t>(vocab_size) - 1});
  return id ? std::optional(static_cast<TokenId>(*id)) : std::nullopt;
}

std::vector<TokenId> end_ids_of(const TokenVocabulary& vocabulary, std::optional<TokenId> eot) {
  std::vector<TokenId> ids;
  for (const auto& id : {vocabulary.eos, eot}) {
    if (id) ids.push_back(*id);
  }
  for (std::size_t id = 0; id < vocabulary.pieces.size(); ++id) {
    if (vocabulary.kinds[id] != TokenKind::kControl) continue;
    if (std::find(kEndPieces.begin(), kEndPieces.end(), vocabulary.pieces[id]) == kEndPieces.end()) continue;
    ids.push_back(static_cast<TokenId>(id));
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

}  // namespace

TokenVocabulary vocabulary_of(const GgufMetadata& metadata) {
  TokenVocabulary vocabulary;
  vocabulary.algorithm = algorithm_of(metadata);
  const bool byte_level = vocabulary.algorithm == TokenAlgorithm::kByteLevelBpe;
  if (byte_level) vocabulary.pre_tokenizer = pre_tokenizer_of(metadata);
  const bool llama3 = byte_level && vocabulary.pre_tokenizer == PreTokenizer::kLlama3;

  vocabulary.pieces = pieces_of(metadata);
  const std::size_t size = vocabulary.pieces.size();
  vocabulary.kinds = kinds_of(metadata, size);
  if (byte_level) {
    vocabulary.merges = merges_of(metadata);
  } else {
    vocabulary.scores = scores_of(metadata, size);
  }

  vocabulary.bos = id_of(metadata, kBosKey, size);
  vocabulary.eos = id_of(metadata, "tokenizer.ggml.eos_token_id", size);
  vocabulary.unknown = id_of(metadata, "tokenizer.ggml.unknown_token_id", size);
  vocabulary.pad = id_of(metadata, "tokenizer.ggml.padding_token_id", size);
  vocabulary.end_ids = end_ids_of(vocabulary, id_of(metadata, "tokenizer.ggml.eot_token_id", size));

  const auto add_bos = metadata.find_flag(kAddBosKey);
  if (add_bos.value_or(false) && !vocabulary.bos) {
    metadata.refuse(kAddBosKey, fmt::format("is true, and key {} is missing", quoted_text(kBosKey)));
  }
  vocabulary.add_bos = add_bos.value_or((!byte_level || llama3) && vocabulary.bos.has_value());
  vocabulary.add_space_prefix = metadata.find_flag("tokenizer.ggml.add_space_prefix").value_or(!byte_level);
  vocabulary.ignore_merges = llama3;
  return vocabulary;
}

}  // namespace fllm
