// SPDX-License-Identifier: Apache-2.0
#include "host/tokenizer/tokenizer_json_steps.h"

#include <fmt/core.h>

#include <vector>

namespace fllm {
namespace {

constexpr std::size_t kShownBytes = 400;  // a regular expression fits

/// The expressions by which files split, as they are written there.
struct KnownSplit {
  const char* expression;
  PreTokenizer kind;
};
constexpr KnownSplit kKnownSplits[] = {
    {R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)", PreTokenizer::kGpt2},
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3})"
     R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     PreTokenizer::kLlama3},
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N})"
     R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     PreTokenizer::kQwen2},
};

bool is_type(const Json& step, const char* type) { return member_is(step, "type", type); }

/// A step, or those of a sequence in their order, taken apart once: sequences within are steps nothing knows.
std::vector<const Json*> steps_of(const Json& file, const char* key, const char* list_key) {
  const Json* step = member(file, key);
  if (step == nullptr) return {};
  if (!is_type(*step, "Sequence")) return {step};
  std::vector<const Json*> steps;
  const Json* list = member(*step, list_key);
  if (list == nullptr || !list->is_array()) return {step};
  for (const Json& inner : *list) steps.push_back(&inner);
  return steps;
}

bool is_byte_level(const Json& step, bool use_regex) {
  return is_type(step, "ByteLevel") && member_is(step, "add_prefix_space", false, true) &&
         member_is(step, "use_regex", use_regex, true);
}

const Json* isolating_expression(const Json& step) {
  const Json* pattern = member(step, "pattern");
  const bool isolates = is_type(step, "Split") && pattern != nullptr && member_is(step, "behavior", "Isolated") &&
                        member_is(step, "invert", false, false);
  return isolates ? member(*pattern, "Regex") : nullptr;
}

std::optional<PreTokenizer> recognised(const std::vector<const Json*>& steps) {
  if (steps.size() == 1 && is_byte_level(*steps[0], true)) return PreTokenizer::kGpt2;
  if (steps.size() != 2) return std::nullopt;
  const bool digits = is_type(*steps[0], "Digits") && member_is(*steps[0], "individual_digits", true);
  if (digits && is_byte_level(*steps[1], true)) return PreTokenizer::kSmolLm;
  const Json* expression = isolating_expression(*steps[0]);
  if (expression == nullptr || !is_byte_level(*steps[1], false)) return std::nullopt;
  for (const KnownSplit& known : kKnownSplits) {
    if (*expression == known.expression) return known.kind;
  }
  return std::nullopt;
}

std::string shown_member(const Json& file, const char* key) {
  const Json* value = member(file, key);
  return value == nullptr ? "absent" : shown(*value, kShownBytes);
}

void recognise_byte_level(const Json& file, TokenVocabulary& vocabulary, FileProblems& problems) {
  for (const Json* step : steps_of(file, "normalizer", "normalizers")) {
    if (!is_type(*step, "NFC")) {
      problems.add(fmt::format("normalizer: {}: of byte-level BPE only NFC, or none, is known", shown(*step)));
    }
  }
  const auto kind = recognised(steps_of(file, "pre_tokenizer", "pretokenizers"));
  if (kind) {
    vocabulary.pre_tokenizer = *kind;
  } else {
    problems.add(
        fmt::format("pre_tokenizer: {}: not known; known are ByteLevel (gpt2), Digits one by one with ByteLevel "
                    "(smollm), and Split by the expression of gpt2, llama3 or qwen2 with ByteLevel without one",
                    shown_member(file, "pre_tokenizer")));
  }
}

bool is_space_replacement(const Json& step) {
  const Json* pattern = member(step, "pattern");
  return is_type(step, "Replace") && pattern != nullptr && member_is(*pattern, "String", " ") &&
         member_is(step, "content", kSpaceMark);
}

/// Metaspace that does not cut the text: whether it puts a space before it.
std::optional<bool> metaspace_prefix(const Json& step) {
  if (!is_type(step, "Metaspace") || !member_is(step, "replacement", kSpaceMark) || !member_is(step, "split", false)) {
    return std::nullopt;
  }
  if (member(step, "prepend_scheme") == nullptr) return member_is(step, "add_prefix_space", true, true);
  if (member_is(step, "prepend_scheme", "never")) return false;
  if (member_is(step, "prepend_scheme", "first") || member_is(step, "prepend_scheme", "always")) return true;
  return std::nullopt;
}

void recognise_sentence_piece(const Json& file, TokenVocabulary& vocabulary, FileProblems& problems) {
  std::vector<const Json*> before = steps_of(file, "normalizer", "normalizers");
  const std::vector<const Json*> after = steps_of(file, "pre_tokenizer", "pretokenizers");
  if (before.empty() && after.size() == 1) {
    const std::optional<bool> prefix = metaspace_prefix(*after[0]);
    if (prefix) {
      vocabulary.add_space_prefix = *prefix;
      return;
    }
  }
  vocabulary.add_space_prefix =
      !before.empty() && is_type(*before[0], "Prepend") && member_is(*before[0], "prepend", kSpaceMark);
  if (vocabulary.add_space_prefix) before.erase(before.begin());
  if (before.size() == 1 && is_space_replacement(*before[0]) && after.empty()) return;
  problems.add(
      fmt::format("normalizer: {}, pre_tokenizer: {}: not known for byte_fallback; known are the normalizers "
                  "Prepend \"\u2581\" (or not) and Replace \" \" by \"\u2581\", or the pre_tokenizer Metaspace "
                  "with split: false",
                  shown_member(file, "normalizer"), shown_member(file, "pre_tokenizer")));
}

}  // namespace

const Json* member(const Json& value, const char* key) {
  if (!value.is_object()) return nullptr;
  const auto found = value.find(key);
  return found == value.end() || found->is_null() ? nullptr : &*found;
}

bool member_is(const Json& value, const char* key, const Json& expected, const Json& fallback) {
  const Json* found = member(value, key);
  return (found == nullptr ? fallback : *found) == expected;
}

void recognise_steps(const Json& file, TokenVocabulary& vocabulary, FileProblems& problems) {
  if (vocabulary.algorithm == TokenAlgorithm::kByteLevelBpe) {
    recognise_byte_level(file, vocabulary, problems);
  } else {
    recognise_sentence_piece(file, vocabulary, problems);
  }
}

std::optional<std::string> leading_token(const Json& file) {
  for (const Json* step : steps_of(file, "post_processor", "processors")) {
    const Json* single = is_type(*step, "TemplateProcessing") ? member(*step, "single") : nullptr;
    if (single == nullptr || !single->is_array() || single->empty()) continue;
    const Json* token = member(single->front(), "SpecialToken");
    const Json* id = token == nullptr ? nullptr : member(*token, "id");
    if (id != nullptr && id->is_string()) return id->get<std::string>();
  }
  return std::nullopt;
}

}  // namespace fllm
