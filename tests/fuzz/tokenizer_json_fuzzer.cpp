// SPDX-License-Identifier: Apache-2.0
// Any text as Hugging Face's tokenizer.json, and then as a prompt for the tokenizer it makes; also as
// tokenizer_config.json and as a chat template.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "host/tokenizer/chat_template.h"
#include "host/tokenizer/load_tokenizer.h"
#include "host/tokenizer/tokenizer_json.h"
#include "tests/fuzz/expected_errors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  fllm::fuzz::expect_typed_errors([&] { (void)fllm::parse_tokenizer_config(text, "fuzz.json"); });
  fllm::fuzz::expect_typed_errors([&] { (void)fllm::render(fllm::recognise_chat_template(text), {{}}, true); });
  fllm::fuzz::expect_typed_errors([&] {
    fllm::TokenVocabulary vocabulary = fllm::parse_tokenizer_json(text, "fuzz.json");
    fllm::add_ends_by_name(vocabulary);
    const auto tokenizer = fllm::make_tokenizer(std::move(vocabulary), "fuzz.json");
    for (const fllm::TokenId id : tokenizer->encode_with_special(text)) {
      if (id < 0 || id >= tokenizer->vocab_size()) std::abort();
      (void)tokenizer->token_bytes(id);
    }
  });
  return 0;
}
