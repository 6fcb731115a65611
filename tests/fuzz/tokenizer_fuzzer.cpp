// SPDX-License-Identifier: Apache-2.0
// Any text as a tokenizer.json, and then as a prompt for the tokenizer it makes.
#include <cstdint>
#include <cstdlib>

#include "host/tokenizer/character_tokenizer.h"
#include "tests/fuzz/expected_errors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  fllm::fuzz::expect_typed_errors([&] {
    const fllm::CharacterTokenizer tokenizer(fllm::parse_character_vocabulary(text, "fuzz.json"));
    for (const fllm::TokenId id : tokenizer.encode(text)) {
      if (id < 0 || id >= tokenizer.vocab_size()) std::abort();
      (void)tokenizer.token_bytes(id);
    }
  });
  return 0;
}
