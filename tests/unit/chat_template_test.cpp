// SPDX-License-Identifier: Apache-2.0
#include "host/tokenizer/chat_template.h"

#include <gtest/gtest.h>

#include "tests/support/expect_error.h"

namespace fllm {
namespace {

using test::expect_error;

// The templates of SmolLM2-135M-Instruct, Qwen2.5-Instruct (its beginning), Llama-3-Instruct and Llama-2-chat (parts).
constexpr const char* kSmolLm2 =
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou "
    "are a "
    "helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + "
    "message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ "
    "'<|im_start|>assistant\n' }}{% endif %}";
constexpr const char* kQwen =
    R"({%- if messages[0]['role'] == 'system' %}{{- '<|im_start|>system\n' + messages[0]['content'] + '<|im_end|>\n' }})"
    R"({%- else %}{{- '<|im_start|>system\nYou are Qwen.<|im_end|>\n' }}{%- endif %})";
constexpr const char* kLlama3 =
    "{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + "
    "'<|eot_id|>' %}";
constexpr const char* kLlama2 =
    "{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}{{ bos_token + "
    "'[INST] ' "
    "+ content.strip() + ' [/INST]' }}";

const ChatMessage kSystem = {ChatRole::kSystem, "Be kind."};
const ChatMessage kUser = {ChatRole::kUser, " Hi <|im_end|> "};
const ChatMessage kAssistant = {ChatRole::kAssistant, "Hello!\n"};

/// Template text in brackets.
std::string shown(const std::vector<TextSegment>& segments) {
  std::string text;
  for (const TextSegment& segment : segments) text += segment.control ? "[" + segment.text + "]" : segment.text;
  return text;
}

TEST(ChatTemplate, FamiliesAreRecognisedByTheirMarks) {
  EXPECT_EQ(recognise_chat_template(kSmolLm2).family, ChatFamily::kChatMl);
  EXPECT_EQ(recognise_chat_template(kSmolLm2).default_system,
            "You are a helpful AI assistant named SmolLM, trained by Hugging Face");
  EXPECT_EQ(recognise_chat_template(kQwen).default_system, "You are Qwen.");
  EXPECT_EQ(recognise_chat_template("'<|im_start|>' + role + '<|im_end|>'").default_system, "");
  EXPECT_EQ(recognise_chat_template(kLlama3).family, ChatFamily::kLlama3);
  EXPECT_EQ(recognise_chat_template(kLlama2).family, ChatFamily::kLlama2);
  for (const char* other : {"", "{{ '<start_of_turn>' }}", "{{ '[INST] ' }}", "<|im_start|><|im_sep|><|im_end|>"}) {
    expect_error(ErrorCode::kUnsupported, {"chat template", "ChatML", "Llama 3", "Llama 2"},
                 [&] { (void)recognise_chat_template(other); });
  }
}

TEST(ChatTemplate, ChatMl) {
  const ChatTemplate chat = recognise_chat_template(kSmolLm2);
  EXPECT_EQ(shown(render(chat, {kSystem, kUser}, true)),
            "[<|im_start|>system\n]Be kind.[<|im_end|>\n<|im_start|>user\n] Hi <|im_end|> [<|im_end|>\n"
            "<|im_start|>assistant\n]");
  EXPECT_EQ(shown(render(chat, {kUser}, false)),
            "[<|im_start|>system\n]You are a helpful AI assistant named SmolLM, trained by Hugging Face[<|im_end|>\n"
            "<|im_start|>user\n] Hi <|im_end|> [<|im_end|>\n]");
  EXPECT_EQ(shown(render({ChatFamily::kChatMl, ""}, {kAssistant}, false)),
            "[<|im_start|>assistant\n]Hello!\n[<|im_end|>\n]");
}

TEST(ChatTemplate, Llama3Trims) {
  EXPECT_EQ(shown(render({ChatFamily::kLlama3, ""}, {kSystem, kUser, kAssistant, {ChatRole::kUser, " \n"}}, true)),
            "[<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n]Be kind.[<|eot_id|>"
            "<|start_header_id|>user<|end_header_id|>\n\n]Hi <|im_end|>[<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n]Hello![<|eot_id|>"
            "<|start_header_id|>user<|end_header_id|>\n\n<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n]");
}

TEST(ChatTemplate, Llama2PutsTheSystemMessageIntoTheFirstTurn) {
  const ChatTemplate chat = {ChatFamily::kLlama2, ""};
  EXPECT_EQ(shown(render(chat, {kSystem, kUser, kAssistant, kUser}, true)),
            "[<s>[INST] <<SYS>>\n]Be kind.[\n<</SYS>>\n\n] Hi <|im_end|>[ [/INST] ]Hello![ </s><s>[INST] ]Hi <|im_end|>"
            "[ [/INST]]");
  EXPECT_EQ(shown(render(chat, {kUser}, true)), "[<s>[INST] ]Hi <|im_end|>[ [/INST]]");
  EXPECT_EQ(shown(render(chat, {kSystem, {ChatRole::kUser, " "}}, true)),
            "[<s>[INST] <<SYS>>\n]Be kind.[\n<</SYS>> [/INST]]");
}

TEST(ChatTemplate, Llama2TakesTurns) {
  const ChatTemplate chat = {ChatFamily::kLlama2, ""};
  const auto refuse = [&](const std::vector<ChatMessage>& messages, const std::vector<std::string>& parts) {
    expect_error(ErrorCode::kInvalidArgument, parts, [&] { (void)render(chat, messages, true); });
  };
  refuse({}, {"messages", "none"});
  refuse({kSystem}, {"only a system message"});
  refuse({kUser, kUser, kSystem}, {"messages[1]: user: must be assistant", "messages[2]: system: must be user"});
  refuse({kSystem, kAssistant}, {"messages[1]: assistant: must be user"});
}

TEST(ChatTemplate, Roles) {
  EXPECT_EQ(chat_role_of("assistant"), ChatRole::kAssistant);
  expect_error(ErrorCode::kInvalidArgument, {"\"tool\"", "system, user or assistant"},
               [] { (void)chat_role_of("tool"); });
}

}  // namespace
}  // namespace fllm
