// SPDX-License-Identifier: Apache-2.0
#include "host/tokenizer/chat_template.h"

#include <gtest/gtest.h>

#include "tests/support/expect_error.h"

namespace fllm {
namespace {

using test::expect_error;

// The templates of SmolLM2-135M-Instruct and Qwen2.5-Instruct (its beginning).
constexpr const char* kSmolLm2 =
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou "
    "are a "
    "helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + "
    "message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ "
    "'<|im_start|>assistant\n' }}{% endif %}";
constexpr const char* kQwen =
    R"({%- if messages[0]['role'] == 'system' %}{{- '<|im_start|>system\n' + messages[0]['content'] + '<|im_end|>\n' }})"
    R"({%- else %}{{- '<|im_start|>system\nYou are Qwen.<|im_end|>\n' }}{%- endif %})";
// As published with Meta-Llama-3-8B-Instruct and Llama-2-13b-chat-hf (tokenizer_config.json).
constexpr const char* kLlama3 =
    "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + "
    "message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% "
    "set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}{{ "
    "'<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}";
constexpr const char* kLlama2 =
    "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = "
    "messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif "
    "%}{% for "
    "message in loop_messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception("
    "'Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% if loop.index0 == 0 and "
    "system_message != false %}{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + "
    "message['content'] "
    "%}{% else %}{% set content = message['content'] %}{% endif %}{% if message['role'] == 'user' %}{{ bos_token + "
    "'[INST] "
    "' + content.strip() + ' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ ' '  + content.strip() + ' ' + "
    "eos_token }}{% endif %}{% endfor %}";

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

std::string joined(const std::vector<TextSegment>& segments) {
  std::string text;
  for (const TextSegment& segment : segments) text += segment.text;
  return text;
}

// What Jinja2 3.1 makes of the published templates, bos and eos being those of the models. The first of Llama 2 is also a
// test of Hugging Face's transformers.js.
TEST(ChatTemplate, AsThePublishedTemplates) {
  using Messages = std::vector<ChatMessage>;
  struct Vector {
    Messages messages;
    const char *llama2, *llama3;
  };
  const auto user = [](const char* text) { return ChatMessage{ChatRole::kUser, text}; };
  const auto assistant = [](const char* text) { return ChatMessage{ChatRole::kAssistant, text}; };
  const auto system = [](const char* text) { return ChatMessage{ChatRole::kSystem, text}; };
  const std::vector<Vector> vectors = {
      {{system("You are a friendly chatbot who always responds in the style of a pirate"), user("Hello, how are you?"),
        assistant("I'm doing great. How can I help you today?"),
        user("I'd like to show off how chat templating works!")},
       "<s>[INST] <<SYS>>\nYou are a friendly chatbot who always responds in the style of a pirate\n<</SYS>>\n\nHello, "
       "how "
       "are you? [/INST] I'm doing great. How can I help you today? </s><s>[INST] I'd like to show off how chat "
       "templating "
       "works! [/INST]",
       "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nYou are a friendly chatbot who always responds "
       "in the "
       "style of a pirate<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nHello, how are you?<|eot_id|>"
       "<|start_header_id|>assistant<|end_header_id|>\n\nI'm doing great. How can I help you today?<|eot_id|>"
       "<|start_header_id|>user<|end_header_id|>\n\nI'd like to show off how chat templating works!<|eot_id|>"
       "<|start_header_id|>assistant<|end_header_id|>\n\n"},
      {{user("  a\n"), assistant("\tb "), user("c")},
       "<s>[INST] a [/INST] b </s><s>[INST] c [/INST]",
       "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\na<|eot_id|><|start_header_id|>assistant<|end_"
       "header_id|>"
       "\n\nb<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nc<|eot_id|><|start_header_id|>assistant<|end_header_"
       "id|>"
       "\n\n"},
      {{system(" s "), user("\n ")},
       "<s>[INST] <<SYS>>\n s \n<</SYS>> [/INST]",
       "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\ns<|eot_id|><|start_header_id|>user<|end_header_"
       "id|>"
       "\n\n<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"},
      {{user("")},
       "<s>[INST]  [/INST]",
       "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n<|eot_id|><|start_header_id|>assistant<|end_"
       "header_id|>"
       "\n\n"}};
  for (const Vector& vector : vectors) {
    EXPECT_EQ(joined(render(recognise_chat_template(kLlama2), vector.messages, true)), vector.llama2);
    EXPECT_EQ(joined(render(recognise_chat_template(kLlama3), vector.messages, true)), vector.llama3);
  }
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
