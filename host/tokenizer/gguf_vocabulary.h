// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/model/gguf_metadata.h"
#include "host/tokenizer/token_vocabulary.h"

namespace fllm {

/// The tokenizer in a GGUF's metadata, keys tokenizer.ggml.…: byte-level BPE (model "gpt2", with merges) or SentencePiece
/// (model "llama", with scores). Where a file does not say, the defaults are llama.cpp's: no "pre" is "default"; bos is
/// added for SentencePiece and Llama 3; a space is put before the text for SentencePiece. end_ids has, in ascending
/// order, eos, eot, and the known names of an end of turn that are control tokens. The chat template stays in the metadata, as
/// "tokenizer.chat_template". Exception: kBadFormat naming file, key and value; kUnsupported: another model or
/// pre-tokenizer.
[[nodiscard]] TokenVocabulary vocabulary_of(const GgufMetadata& metadata);

}  // namespace fllm
