// SPDX-License-Identifier: Apache-2.0
#include "host/tokenizer/tokenizer_json.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "host/tokenizer/file_problems.h"
#include "host/tokenizer/tokenizer_json_steps.h"

namespace fllm {
namespace {

/// Pieces as they come from the file, in any order, put at their ids.
class PieceList {
 public:
  explicit PieceList(FileProblems& problems) : problems_(problems) {}

  /// A problem, which begins with name(), when the id is no id, or another piece's.
  template <class Name>
  void add(const Name& name, const std::string& piece, const Json& id, TokenKind kind) {
    if (!id.is_number_unsigned() || id.get<std::uint64_t>() >= kMaxTokens) {
      problems_.add(fmt::format("{}: {}: must be an id in [0, {})", name(), shown(id), kMaxTokens));
      return;
    }
    const auto index = id.get<std::size_t>();
    if (index >= pieces_.size()) {
      pieces_.resize(index + 1);
      kinds_.resize(index + 1, TokenKind::kUnused);
    }
    if (kinds_[index] != TokenKind::kUnused && pieces_[index] != piece) {
      problems_.add(fmt::format("{}: {}: the id of {} too", name(), index, shown(Json(pieces_[index]))));
      return;
    }
    pieces_[index] = piece;
    kinds_[index] = kind;
  }

  void move_to(TokenVocabulary& vocabulary) {
    std::size_t holes = 0;
    std::string first;
    for (std::size_t id = 0; id < pieces_.size(); ++id) {
      if (kinds_[id] != TokenKind::kUnused) continue;
      if (++holes <= 3) first += (first.empty() ? "" : ", ") + std::to_string(id);
    }
    if (holes > 0) {
      problems_.add(fmt::format("{} of the ids 0 to {} have no token: {}{}", holes, pieces_.size() - 1, first,
                                holes > 3 ? ", ..." : ""));
    }
    vocabulary.pieces = std::move(pieces_);
    vocabulary.kinds = std::move(kinds_);
  }

 private:
  FileProblems& problems_;
  std::vector<std::string> pieces_;
  std::vector<TokenKind> kinds_;  // kUnused: no piece yet
};

bool is_byte_name(const std::string& piece) {
  return piece.size() == 6 && piece.compare(0, 3, "<0x") == 0 && piece[5] == '>';
}

void read_vocab(const Json* vocab, bool byte_fallback, PieceList& pieces, FileProblems& problems) {
  if (vocab == nullptr || !vocab->is_object() || vocab->empty()) {
    problems.add("model.vocab: must be an object {piece: id} that is not empty");
    return;
  }
  for (const auto& [piece, id] : vocab->items()) {
    const bool byte = byte_fallback && is_byte_name(piece);
    const auto name = [&key = piece] { return fmt::format("vocab[{}]", shown(Json(key))); };
    pieces.add(name, piece, id, byte ? TokenKind::kByte : TokenKind::kNormal);
  }
}

void read_added_tokens(const Json& file, PieceList& pieces, FileProblems& problems) {
  const Json* added = member(file, "added_tokens");
  if (added == nullptr) return;
  if (!added->is_array()) {
    problems.add(fmt::format("added_tokens: {}: must be a list", shown(*added)));
    return;
  }
  std::size_t index = 0;
  for (const Json& token : *added) {
    const std::string name = fmt::format("added_tokens[{}]", index++);
    const Json* content = member(token, "content");
    const Json* id = member(token, "id");
    const Json* special = member(token, "special");
    if (content == nullptr || !content->is_string() || content->get_ref<const std::string&>().empty()) {
      problems.add(fmt::format("{}: {}: must have a content that is a text and not empty", name, shown(token)));
    } else if (special != nullptr && !special->is_boolean()) {
      problems.add(fmt::format("{}: special: {}: must be true or false", name, shown(*special)));
    } else {
      const bool control = special != nullptr && special->get<bool>();
      pieces.add([&]() -> const std::string& { return name; }, content->get<std::string>(),
                 id == nullptr ? Json() : *id, control ? TokenKind::kControl : TokenKind::kUserDefined);
    }
  }
}

/// where is a format for index, of messages.
void add_merge_line(std::string_view line, fmt::format_string<std::size_t&> where, std::size_t index,
                    TokenVocabulary& vocabulary, FileProblems& problems) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos || space == 0 || space + 1 == line.size() ||
      line.find(' ', space + 1) != std::string_view::npos) {
    problems.add(fmt::format("{}: {}: must be two pieces with a space between", fmt::format(where, index),
                             shown(Json(std::string(line)))));
    return;
  }
  vocabulary.merges.emplace_back(line.substr(0, space), line.substr(space + 1));
}

void read_merges(const Json* merges, TokenVocabulary& vocabulary, FileProblems& problems) {
  if (merges == nullptr || !merges->is_array()) {
    problems.add("model.merges: must be a list");
    return;
  }
  vocabulary.merges.reserve(merges->size());
  std::size_t index = 0;
  for (const Json& merge : *merges) {
    if (merge.is_string()) {
      add_merge_line(merge.get_ref<const std::string&>(), "merges[{}]", index, vocabulary, problems);
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      vocabulary.merges.emplace_back(merge[0].get<std::string>(), merge[1].get<std::string>());
    } else {
      problems.add(fmt::format("merges[{}]: {}: must be \"a b\" or [\"a\", \"b\"]", index, shown(merge)));
    }
    ++index;
  }
}

/// Ways to merge that only other tokenizers need.
void refuse_other_models(const Json& model, FileProblems& problems) {
  if (!member_is(model, "type", "BPE", "BPE")) {
    problems.add(fmt::format("model.type: {}: only BPE is known", shown(*member(model, "type"))));
  }
  for (const char* affix : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (!member_is(model, affix, "", "")) {
      problems.add(fmt::format("model.{}: {}: must be null or empty", affix, shown(*member(model, affix))));
    }
  }
  if (!member_is(model, "dropout", 0.0, 0.0)) {
    problems.add(fmt::format("model.dropout: {}: must be null or 0", shown(*member(model, "dropout"))));
  }
}

std::optional<TokenId> id_of(const TokenVocabulary& vocabulary, const std::string& piece) {
  const auto found = std::find(vocabulary.pieces.begin(), vocabulary.pieces.end(), piece);
  if (found == vocabulary.pieces.end()) return std::nullopt;
  return static_cast<TokenId>(found - vocabulary.pieces.begin());
}

void set_unknown(const Json& model, TokenVocabulary& vocabulary, FileProblems& problems) {
  const Json* name = member(model, "unk_token");
  if (name == nullptr || member_is(model, "unk_token", "")) return;
  if (name->is_string()) vocabulary.unknown = id_of(vocabulary, name->get<std::string>());
  if (vocabulary.unknown) {
    vocabulary.kinds[static_cast<std::size_t>(*vocabulary.unknown)] = TokenKind::kUnknown;
  } else {
    problems.add(fmt::format("model.unk_token: {}: must be one of the tokens", shown(*name)));
  }
}

}  // namespace

TokenVocabulary read_tokenizer_json(const Json& file, const std::string& source) {
  FileProblems problems(source);
  const Json* model = member(file, "model");
  if (model == nullptr || !model->is_object()) {
    problems.add("model: must be an object");
    problems.refuse();
    return {};
  }
  TokenVocabulary vocabulary;
  const bool byte_fallback = member_is(*model, "byte_fallback", true);
  vocabulary.algorithm = byte_fallback ? TokenAlgorithm::kSentencePieceBpe : TokenAlgorithm::kByteLevelBpe;
  vocabulary.ignore_merges = member_is(*model, "ignore_merges", true);
  refuse_other_models(*model, problems);
  recognise_steps(file, vocabulary, problems);
  if (byte_fallback && vocabulary.ignore_merges) {
    problems.add("model.ignore_merges: true: only of byte-level BPE");
  }
  PieceList pieces(problems);
  read_vocab(member(*model, "vocab"), byte_fallback, pieces, problems);
  read_added_tokens(file, pieces, problems);
  read_merges(member(*model, "merges"), vocabulary, problems);
  pieces.move_to(vocabulary);
  if (byte_fallback) {
    const auto bytes = std::count(vocabulary.kinds.begin(), vocabulary.kinds.end(), TokenKind::kByte);
    if (bytes != 256) problems.add(fmt::format("model.byte_fallback: {} tokens like <0x0A>: must be 256", bytes));
    if (vocabulary.merges.empty()) problems.add("model.merges: must not be empty with byte_fallback");
  }
  set_unknown(*model, vocabulary, problems);
  const std::optional<std::string> leading = leading_token(file);
  if (leading) {
    vocabulary.bos = id_of(vocabulary, *leading);
    vocabulary.add_bos = vocabulary.bos.has_value();
    if (!vocabulary.bos) problems.add(fmt::format("post_processor: {}: must be one of the tokens", shown(*leading)));
  }
  problems.refuse();
  return vocabulary;
}

TokenVocabulary parse_tokenizer_json(std::string_view json, const std::string& source) {
  return read_tokenizer_json(parse_json(json, source, kTokenizerJsonDepth), source);
}

TokenVocabulary read_gpt2_files(const Json& vocab, std::string_view merges, const std::string& source) {
  constexpr const char* kEndOfText = "<|endoftext|>";
  FileProblems problems(source);
  TokenVocabulary vocabulary;
  PieceList pieces(problems);
  read_vocab(&vocab, false, pieces, problems);
  pieces.move_to(vocabulary);
  std::size_t number = 0;
  while (!merges.empty()) {
    const std::size_t end = std::min(merges.find('\n'), merges.size());
    std::string_view line = merges.substr(0, end);
    merges.remove_prefix(std::min(end + 1, merges.size()));
    ++number;
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.empty() || (number == 1 && line.substr(0, 8) == "#version")) continue;
    add_merge_line(line, "merges, line {}", number, vocabulary, problems);
  }
  vocabulary.bos = vocabulary.eos = id_of(vocabulary, kEndOfText);
  if (vocabulary.eos) vocabulary.kinds[static_cast<std::size_t>(*vocabulary.eos)] = TokenKind::kControl;
  problems.refuse();
  return vocabulary;
}

void add_ends_by_name(TokenVocabulary& vocabulary) {
  // The best eos first. From the tokenizer files of Llama, GPT-2, Qwen 2 and SmolLM2.
  constexpr const char* kEnds[] = {"</s>",          "<|end_of_text|>", "<|im_end|>",
                                   "<|endoftext|>", "<|eot_id|>",      "<|eom_id|>"};
  for (const char* name : kEnds) {
    const std::optional<TokenId> id = id_of(vocabulary, name);
    if (!id || vocabulary.kinds[static_cast<std::size_t>(*id)] == TokenKind::kNormal) continue;
    if (!vocabulary.eos) vocabulary.eos = id;
    vocabulary.end_ids.push_back(*id);
  }
}

}  // namespace fllm
