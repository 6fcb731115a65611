// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fundamentallm/chat.h"
#include "host/tokenizer/tokenizer.h"

namespace fllm {

enum class ChatFamily : std::uint8_t { kChatMl, kLlama3, kLlama2 };

/// How a model wants its conversations written. Jinja is not executed: a file's template is recognised as one of the
/// families by the tokens it writes, and these are written here as the families' own templates do.
struct ChatTemplate {
  ChatFamily family = ChatFamily::kChatMl;
  /// ChatML: a conversation without a system message begins with this one where it is not empty (SmolLM2's "You are a
  /// helpful AI assistant named SmolLM, trained by Hugging Face").
  std::string default_system;
};

[[nodiscard]] std::string_view name_of(ChatFamily family);  // "chatml", "llama3", "llama2"
/// "system", "user", "assistant"; Exception(kInvalidArgument) names these.
[[nodiscard]] ChatRole chat_role_of(std::string_view name);

/// Recognises the chat_template of a GGUF or a tokenizer_config.json. What a template does beyond its family (tools,
/// Llama 3.1's dates) is not done. Exception(kUnsupported): another template; the message names the families.
[[nodiscard]] ChatTemplate recognise_chat_template(std::string_view jinja);

/// The conversation as segments for Tokenizer::encode_segments: the template's own text may name control tokens, the
/// messages' texts may not. It has its own bos where the template writes one (Llama 2 and 3): none is to be added.
/// add_generation_prompt: the beginning of the assistant's answer follows (Llama 2 has none).
/// Llama 3 and Llama 2 trim the messages, as their templates do, of ASCII's white space; ChatML does not.
/// Exception(kInvalidArgument): no message; for Llama 2 also, all at once, messages that are not one system message or
/// none and then users and assistants in turns, beginning with a user.
[[nodiscard]] std::vector<TextSegment> render(const ChatTemplate& chat, const std::vector<ChatMessage>& messages,
                                              bool add_generation_prompt);

}  // namespace fllm
