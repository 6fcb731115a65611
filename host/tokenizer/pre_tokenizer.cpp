// SPDX-License-Identifier: Apache-2.0
#include "host/tokenizer/pre_tokenizer.h"

#define PCRE2_CODE_UNIT_WIDTH 8  // pcre2.h asks for it
#include <fmt/core.h>
#include <pcre2.h>

#include <limits>
#include <string>

#include "fundamentallm/result.h"
#include "host/tokenizer/utf8.h"

namespace fllm {
namespace {

/// In the patterns below @ stands for this: Unicode's White_Space, which \s is to the models' own tokenizers, while
/// PCRE2's \s has U+180E too.
constexpr std::string_view kWhiteSpace = R"(\t-\r\x{85}\p{Z})";

/// GPT-2's encoder.py.
constexpr std::string_view kGpt2 = R"('(?:s|t|re|ve|m|ll|d)| ?\p{L}+| ?\p{N}+| ?[^@\p{L}\p{N}]+|[@]+(?![^@])|[@]+)";
/// Every digit is cut out first; GPT-2's pattern sees what lies between as texts of their own, so a digit is an end.
constexpr std::string_view kSmolLm = R"(\p{N}|'(?:s|t|re|ve|m|ll|d)| ?\p{L}+| ?[^@\p{L}\p{N}]+|[@]+(?![^@\p{N}])|[@]+)";
/// The tokenizer.json of Llama 3 and of Qwen 2, which differ in the digits that stay together.
constexpr std::string_view kLlama3 = R"((?i:'(?:s|t|re|ve|m|ll|d))|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3})"
                                     R"(| ?[^@\p{L}\p{N}]+[\r\n]*|[@]*[\r\n]+|[@]+(?![^@])|[@]+)";
constexpr std::string_view kQwen2 = R"((?i:'(?:s|t|re|ve|m|ll|d))|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N})"
                                    R"(| ?[^@\p{L}\p{N}]+[\r\n]*|[@]*[\r\n]+|[@]+(?![^@])|[@]+)";

/// What llama.cpp takes where a file names no pre-tokenizer: runs of punctuation are cut out first; in what lies between, as
/// texts of their own, GPT-2's pattern; then numbers are cut from the space before them, and their digits by threes. X stands
/// for the punctuation.
constexpr std::string_view kPunctuation = R"(\p{P}$+<=>^~|)";
constexpr std::string_view kDefault = R"([X]+| ?\p{L}+|[0-9]{3}|(?:(?![0-9]{3})\p{N})+)"
                                      R"(| ?[^@\p{L}\p{N}X]+|[@]+(?![^@X])|[@]+)";

std::string pattern_of(PreTokenizer kind) {
  std::string_view pattern = kGpt2;
  if (kind == PreTokenizer::kLlama3) pattern = kLlama3;
  if (kind == PreTokenizer::kQwen2) pattern = kQwen2;
  if (kind == PreTokenizer::kSmolLm) pattern = kSmolLm;
  if (kind == PreTokenizer::kDefault) pattern = kDefault;
  std::string expanded;
  for (const char c : pattern) {
    if (c == '@') {
      expanded += kWhiteSpace;
    } else if (c == 'X') {
      expanded += kPunctuation;
    } else {
      expanded += c;
    }
  }
  return expanded;
}

PCRE2_SPTR units(const std::string_view& text) { return reinterpret_cast<PCRE2_SPTR>(text.data()); }

struct FreeData {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};

}  // namespace

struct PreTokenSplitter::Regex {
  struct FreeCode {
    void operator()(pcre2_code* code) const { pcre2_code_free(code); }
  };
  struct FreeContext {
    void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
  };
  std::unique_ptr<pcre2_code, FreeCode> code;
  std::unique_ptr<pcre2_match_context, FreeContext> context;
  bool compiled = false;  // to machine code
};

PreTokenSplitter::PreTokenSplitter(PreTokenizer kind) {
  const std::string pattern = pattern_of(kind);
  int error = 0;
  std::size_t offset = 0;
  auto regex = std::make_unique<Regex>();
  // Anchored: each piece begins where the last one ended.
  regex->code.reset(
      pcre2_compile(units(pattern), pattern.size(), PCRE2_UTF | PCRE2_UCP | PCRE2_ANCHORED, &error, &offset, nullptr));
  if (!regex->code) {
    throw Exception(ErrorCode::kUnsupported, fmt::format("the pre-tokenizer {} does not compile with this PCRE2: error "
                                                         "{} at offset {}; it must be built with Unicode support",
                                                         name_of(kind), error, offset));
  }
  regex->context.reset(pcre2_match_context_create(nullptr));
  if (!regex->context) throw Exception(ErrorCode::kOutOfMemory, "no memory for a pre-tokenizer");
  // The limits are against patterns that backtrack without end. These go back over one run of characters at most once,
  // one count for each, so that a limit would only refuse long runs.
  pcre2_set_match_limit(regex->context.get(), std::numeric_limits<std::uint32_t>::max());
  pcre2_set_depth_limit(regex->context.get(), std::numeric_limits<std::uint32_t>::max());
  regex->compiled = pcre2_jit_compile(regex->code.get(), PCRE2_JIT_COMPLETE) == 0;
  regex_ = std::move(regex);
}

PreTokenSplitter::~PreTokenSplitter() = default;
PreTokenSplitter::PreTokenSplitter(PreTokenSplitter&&) noexcept = default;
PreTokenSplitter& PreTokenSplitter::operator=(PreTokenSplitter&&) noexcept = default;

std::vector<std::string_view> PreTokenSplitter::split(std::string_view text) const {
  std::vector<std::string_view> pieces;
  pieces.reserve(text.size() / 4);
  const std::unique_ptr<pcre2_match_data, FreeData> data(pcre2_match_data_create(1, nullptr));
  if (!data) throw Exception(ErrorCode::kOutOfMemory, "no memory to cut a text into pieces");
  const std::size_t* ends = pcre2_get_ovector_pointer(data.get());
  pcre2_code* code = regex_->code.get();
  pcre2_match_context* context = regex_->context.get();
  for (std::size_t offset = 0; offset < text.size();) {
    int result = PCRE2_ERROR_JIT_BADOPTION;
    if (regex_->compiled) {
      result = pcre2_jit_match(code, units(text), text.size(), offset, PCRE2_NO_UTF_CHECK, data.get(), context);
    }
    if (result < 0 && result != PCRE2_ERROR_NOMATCH) {  // no machine code, or its stack of 32 KiB was not enough
      result =
          pcre2_match(code, units(text), text.size(), offset, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, data.get(), context);
    }
    if (result < 0 && result != PCRE2_ERROR_NOMATCH) {
      throw Exception(
          ErrorCode::kOutOfMemory,
          fmt::format("the text cannot be cut into pieces at byte offset {}: PCRE2's error {}", offset, result));
    }
    // Every character begins a match of every pattern; without one it would be a piece by itself.
    const std::size_t end = result > 0 && ends[1] > offset ? ends[1] : offset + decode_code_point(text, offset)->bytes;
    pieces.push_back(text.substr(offset, end - offset));
    offset = end;
  }
  return pieces;
}

std::string_view name_of(PreTokenizer kind) {
  switch (kind) {
    case PreTokenizer::kLlama3:
      return "llama3";
    case PreTokenizer::kQwen2:
      return "qwen2";
    case PreTokenizer::kSmolLm:
      return "smollm";
    case PreTokenizer::kDefault:
      return "default";
    case PreTokenizer::kGpt2:
      break;
  }
  return "gpt2";
}

}  // namespace fllm
