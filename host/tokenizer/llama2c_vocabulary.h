// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "host/tokenizer/token_vocabulary.h"

namespace fllm {

/// A tokenizer.bin of llama2.c (tokenizer.py): int32 max_token_length, then of every piece float32 score, int32 length,
/// bytes, to the end of the file; the model says how many there must be. It stems from a SentencePiece model, so ids 0, 1
/// and 2 are <unk>, <s>, </s>, and spaces become U+2581 again. Both <s> and </s> end a text: llama2.c's models put <s>
/// between texts. Exception(kBadFormat) naming file, piece and value.
[[nodiscard]] TokenVocabulary parse_llama2c_vocabulary(std::span<const std::byte> bytes, const std::string& source);
/// Exception: kNotFound, kIo too.
[[nodiscard]] TokenVocabulary read_llama2c_vocabulary(const std::string& path);

}  // namespace fllm
