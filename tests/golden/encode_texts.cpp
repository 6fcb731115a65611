// SPDX-License-Identifier: Apache-2.0
// encode_texts encode FILE | special FILE | split gpt2|llama3|qwen2|smollm|default: tokenizes texts for tokenizer_vectors_test.py.
// stdin: of each text its size in bytes as a decimal line, then the bytes. stdout: a line for each text: the ids, or the
// pieces' sizes in bytes, and then "=" where the tokens' bytes are the text, "~" where they are not; or "error: …".
#include <fmt/core.h>

#include <iostream>
#include <optional>
#include <string>

#include "fundamentallm/result.h"
#include "host/tokenizer/load_tokenizer.h"
#include "host/tokenizer/pre_tokenizer.h"

namespace {

std::optional<std::string> next_text() {
  std::string line;
  if (!std::getline(std::cin, line)) return std::nullopt;
  std::string text(std::stoul(line), '\0');
  std::cin.read(text.data(), static_cast<std::streamsize>(text.size()));
  return text;
}

std::string encoded(const fllm::Tokenizer& tokenizer, const std::string& text, bool special) {
  std::string line, bytes;
  for (const fllm::TokenId id : special ? tokenizer.encode_with_special(text) : tokenizer.encode(text)) {
    line += fmt::format("{} ", id);
    bytes += tokenizer.token_bytes(id);
  }
  return line + (bytes == text ? "=" : "~");
}

std::string split(const fllm::PreTokenSplitter& splitter, const std::string& text) {
  std::string line, joined;
  for (const std::string_view piece : splitter.split(text)) {
    line += fmt::format("{} ", piece.size());
    joined += piece;
  }
  return line + (joined == text ? "=" : "~");
}

template <class Answer>
int answer_all(const Answer& answer) {
  while (const std::optional<std::string> text = next_text()) {
    try {
      std::cout << answer(*text) << '\n';
    } catch (const fllm::Exception& error) {
      std::cout << "error: " << error.what() << '\n';
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc == 3 ? argv[1] : "";
  try {
    if (mode == "split") {
      for (const auto kind : {fllm::PreTokenizer::kGpt2, fllm::PreTokenizer::kLlama3, fllm::PreTokenizer::kQwen2,
                              fllm::PreTokenizer::kSmolLm, fllm::PreTokenizer::kDefault}) {
        if (fllm::name_of(kind) != argv[2]) continue;
        const fllm::PreTokenSplitter splitter(kind);
        return answer_all([&](const std::string& text) { return split(splitter, text); });
      }
    } else if (mode == "encode" || mode == "special") {
      const auto tokenizer = fllm::load_tokenizer(argv[2]);
      return answer_all([&](const std::string& text) { return encoded(*tokenizer, text, mode == "special"); });
    }
    std::cerr << "usage: encode_texts encode FILE | special FILE | split gpt2|llama3|qwen2|smollm|default\n";
    return 2;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
