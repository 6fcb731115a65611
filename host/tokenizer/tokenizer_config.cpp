// SPDX-License-Identifier: Apache-2.0
// tokenizer_config.json, the part of tokenizer_json.h about it.
#include <fmt/core.h>

#include <algorithm>

#include "host/tokenizer/file_problems.h"
#include "host/tokenizer/tokenizer_json.h"
#include "host/tokenizer/tokenizer_json_steps.h"

namespace fllm {
namespace {

/// A token's text: "<s>", or {"content": "<s>"}.
std::optional<std::string> token_text(const Json& file, const char* key, FileProblems& problems) {
  const Json* value = member(file, key);
  if (value == nullptr) return std::nullopt;
  const Json* text = value->is_object() ? member(*value, "content") : value;
  if (text == nullptr || !text->is_string()) {
    problems.add(fmt::format("{}: {}: must be the text of a token", key, shown(*value)));
    return std::nullopt;
  }
  return text->get<std::string>();
}

/// One template, or a list of named ones, of which "default" counts.
std::string template_text(const Json& file, FileProblems& problems) {
  const Json* value = member(file, "chat_template");
  if (value == nullptr) return {};
  if (value->is_string()) return value->get<std::string>();
  if (value->is_array()) {
    for (const Json& named : *value) {
      const Json* text = member_is(named, "name", "default") ? member(named, "template") : nullptr;
      if (text != nullptr && text->is_string()) return text->get<std::string>();
    }
  }
  problems.add(fmt::format("chat_template: {}: must be a text, or a list with one named default", shown(*value)));
  return {};
}

}  // namespace

TokenizerConfig parse_tokenizer_config(std::string_view json, const std::string& source) {
  const Json file = parse_json(json, source, kTokenizerJsonDepth);
  FileProblems problems(source);
  if (!file.is_object()) problems.add("must be a JSON object");
  TokenizerConfig config;
  config.bos = token_text(file, "bos_token", problems);
  config.eos = token_text(file, "eos_token", problems);
  config.unknown = token_text(file, "unk_token", problems);
  config.pad = token_text(file, "pad_token", problems);
  config.chat_template = template_text(file, problems);
  const Json* add_bos = member(file, "add_bos_token");
  if (add_bos != nullptr && !add_bos->is_boolean()) {
    problems.add(fmt::format("add_bos_token: {}: must be true or false", shown(*add_bos)));
  } else if (add_bos != nullptr) {
    config.add_bos = add_bos->get<bool>();
  }
  problems.refuse();
  return config;
}

void apply(const TokenizerConfig& config, TokenVocabulary& vocabulary, const std::string& source) {
  FileProblems problems(source);
  const auto set = [&](const char* key, const std::optional<std::string>& text, std::optional<TokenId>& id) {
    if (!text) return;
    const auto found = std::find(vocabulary.pieces.begin(), vocabulary.pieces.end(), *text);
    if (found == vocabulary.pieces.end()) {
      problems.add(fmt::format("{}: {}: must be one of the tokenizer's tokens", key, shown(*text)));
    } else {
      id = static_cast<TokenId>(found - vocabulary.pieces.begin());
    }
  };
  set("bos_token", config.bos, vocabulary.bos);
  set("eos_token", config.eos, vocabulary.eos);
  set("unk_token", config.unknown, vocabulary.unknown);
  const auto pad = std::find(vocabulary.pieces.begin(), vocabulary.pieces.end(), config.pad);
  if (pad != vocabulary.pieces.end()) vocabulary.pad = static_cast<TokenId>(pad - vocabulary.pieces.begin());
  if (config.add_bos) vocabulary.add_bos = *config.add_bos;
  if (vocabulary.add_bos && !vocabulary.bos) problems.add("add_bos_token: true: there is no bos_token");
  problems.refuse();
}

}  // namespace fllm
