// SPDX-License-Identifier: Apache-2.0
#include "host/tokenizer/tokenizer_file.h"

#include <fmt/core.h>

#include <unordered_set>

#include "fundamentallm/result.h"
#include "host/tokenizer/json_file.h"
#include "host/tokenizer/token_vocabulary.h"
#include "host/tokenizer/utf8.h"
#include "host/util/bad_file.h"

namespace fllm {
namespace {

constexpr int kMaxDepth = 8;  // the format needs 2
constexpr std::size_t kMaxNameBytes = 256;

std::unordered_set<std::string> special_names(const Json& file, const std::string& source) {
  const auto found = file.find("special_tokens");
  if (found == file.end()) bad_file(source, "the key \"special_tokens\" is missing");
  if (!found->is_array()) bad_file(source, fmt::format("special_tokens: {}: must be a list of names", shown(*found)));
  std::unordered_set<std::string> names;
  for (const Json& name : *found) {
    if (!name.is_string() || name.get_ref<const std::string&>().empty()) {
      bad_file(source, fmt::format("special_tokens: {}: each name must be a non-empty string", shown(name)));
    }
    if (!names.insert(name.get<std::string>()).second) {
      bad_file(source, fmt::format("special_tokens: {}: is there twice", shown(name)));
    }
  }
  return names;
}

bool is_one_code_point(const std::string& text) {
  if (text.empty()) return false;
  const auto character = decode_code_point(text, 0);
  return character && character->bytes == text.size();
}

void check_min_frequency(const Json& file, const std::string& source) {
  const auto found = file.find("min_frequency");
  if (found != file.end() && !found->is_number_unsigned()) {
    bad_file(source, fmt::format("min_frequency: {}: must be an integer of at least 0", shown(*found)));
  }
}

}  // namespace

CharacterVocabulary parse_character_vocabulary(std::string_view text, const std::string& source) {
  const Json file = parse_json(text, source, kMaxDepth);
  if (!file.is_object()) bad_file(source, "must be a JSON object");
  check_min_frequency(file, source);
  const std::unordered_set<std::string> specials = special_names(file, source);

  const auto found = file.find("char_to_id");
  if (found == file.end()) bad_file(source, "the key \"char_to_id\" is missing");
  if (!found->is_object()) bad_file(source, fmt::format("char_to_id: {}: must be an object", shown(*found)));
  if (found->empty() || found->size() > kMaxTokens) {
    bad_file(source, fmt::format("char_to_id: {} entries: must be in [1, {}]", found->size(), kMaxTokens));
  }

  CharacterVocabulary vocabulary(found->size());
  for (const auto& [key, id] : found->items()) {
    const std::string name = fmt::format("char_to_id[{}]", shown(Json(key)));
    const bool special = specials.count(key) != 0;
    if (!special && !is_one_code_point(key)) {
      bad_file(source, fmt::format("{}: the key must be one character, or be listed in special_tokens", name));
    }
    if (key.size() > kMaxNameBytes) bad_file(source, fmt::format("{}: longer than {} bytes", name, kMaxNameBytes));
    if (!id.is_number_unsigned() || id.get<std::uint64_t>() >= vocabulary.size()) {
      bad_file(source, fmt::format("{}: {}: must be an integer in [0, {}), the number of entries", name, shown(id),
                                   vocabulary.size()));
    }
    CharacterToken& token = vocabulary[id.get<std::size_t>()];
    if (!token.text.empty()) {
      bad_file(source, fmt::format("{}: {}: the id of {} too", name, shown(id), shown(Json(token.text))));
    }
    token = {key, special};
  }
  for (const std::string& name : specials) {
    if (!found->contains(name))
      bad_file(source, fmt::format("special_tokens: {}: not in char_to_id", shown(Json(name))));
  }
  return vocabulary;
}

}  // namespace fllm
