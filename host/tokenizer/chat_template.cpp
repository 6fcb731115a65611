// SPDX-License-Identifier: Apache-2.0
#include "host/tokenizer/chat_template.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "fundamentallm/result.h"
#include "host/util/quoted_text.h"
#include "host/util/violations.h"

namespace fllm {
namespace {

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

constexpr std::string_view kSpace = " \t\n\v\f\r\x1c\x1d\x1e\x1f";  // what Python's str.strip removes, of ASCII

std::string_view trimmed_end(std::string_view text) {
  return text.substr(0, text.find_last_not_of(kSpace) + 1);  // npos + 1 is 0
}

std::string_view trimmed(std::string_view text) {
  text = trimmed_end(text);
  return text.substr(std::min(text.find_first_not_of(kSpace), text.size()));
}

/// The system message that a ChatML template writes where a conversation has none: the constant in a literal
/// '<|im_start|>system\n...<|im_end|>', whose line break is one or is written \n.
std::string constant_system(std::string_view jinja) {
  constexpr std::string_view kBegin = "<|im_start|>system", kEnd = "<|im_end|>";
  for (std::size_t at = jinja.find(kBegin); at != std::string_view::npos; at = jinja.find(kBegin, at + 1)) {
    std::string_view rest = jinja.substr(at + kBegin.size());
    const std::size_t line_break = rest.substr(0, 1) == "\n" ? 1 : rest.substr(0, 2) == "\\n" ? 2 : 0;
    const std::size_t end = rest.find(kEnd);
    if (line_break == 0 || end == std::string_view::npos || end < line_break) continue;
    const std::string_view text = rest.substr(line_break, end - line_break);
    if (text.find_first_of("'\"\\{}") == std::string_view::npos) return std::string(text);  // within one literal
  }
  return {};
}

class Segments {
 public:
  void control(std::string_view text) { append(text, true); }
  void plain(std::string_view text) { append(text, false); }
  std::vector<TextSegment> take() { return std::move(segments_); }

 private:
  void append(std::string_view text, bool control) {
    if (text.empty()) return;
    if (segments_.empty() || segments_.back().control != control) segments_.push_back({"", control});
    segments_.back().text += text;
  }
  std::vector<TextSegment> segments_;
};

std::string_view name_of(ChatRole role) {
  if (role == ChatRole::kSystem) return "system";
  return role == ChatRole::kUser ? "user" : "assistant";
}

void write_chatml(const ChatTemplate& chat, const std::vector<ChatMessage>& messages, bool answer, Segments& out) {
  const auto write = [&](ChatRole role, std::string_view text) {
    out.control(fmt::format("<|im_start|>{}\n", name_of(role)));
    out.plain(text);
    out.control("<|im_end|>\n");
  };
  if (messages[0].role != ChatRole::kSystem && !chat.default_system.empty()) {
    write(ChatRole::kSystem, chat.default_system);
  }
  for (const ChatMessage& message : messages) write(message.role, message.text);
  if (answer) out.control("<|im_start|>assistant\n");
}

void write_llama3(const std::vector<ChatMessage>& messages, bool answer, Segments& out) {
  const auto open = [&](ChatRole role) {
    out.control(fmt::format("<|start_header_id|>{}<|end_header_id|>\n\n", name_of(role)));
  };
  out.control("<|begin_of_text|>");
  for (const ChatMessage& message : messages) {
    open(message.role);
    out.plain(trimmed(message.text));
    out.control("<|eot_id|>");
  }
  if (answer) open(ChatRole::kAssistant);
}

/// All that breaks Llama 2's turns, which its template refuses.
void check_turns(const std::vector<ChatMessage>& messages) {
  Violations found;
  const std::size_t first = messages[0].role == ChatRole::kSystem ? 1 : 0;
  if (first == messages.size()) found.add("messages", "only a system message", "Llama 2 needs a user's after it");
  for (std::size_t i = first; i < messages.size(); ++i) {
    const ChatRole expected = (i - first) % 2 == 0 ? ChatRole::kUser : ChatRole::kAssistant;
    if (messages[i].role == expected) continue;
    found.add(fmt::format("messages[{}]", i), name_of(messages[i].role),
              fmt::format("must be {}: after one system message or none, Llama 2's users and assistants take turns",
                          name_of(expected)));
  }
  refuse_violations(found.lines());
}

void write_llama2(const std::vector<ChatMessage>& messages, Segments& out) {
  check_turns(messages);
  const ChatMessage* system = nullptr;  // until it is written
  for (const ChatMessage& message : messages) {
    if (message.role == ChatRole::kSystem) {
      system = &message;
    } else if (message.role == ChatRole::kAssistant) {
      out.control(" ");
      out.plain(trimmed(message.text));
      out.control(" </s>");
    } else if (system != nullptr) {
      // The template trims both messages as one text.
      const std::string_view text = trimmed_end(message.text);
      out.control("<s>[INST] <<SYS>>\n");
      out.plain(system->text);
      out.control(text.empty() ? "\n<</SYS>> [/INST]" : "\n<</SYS>>\n\n");
      out.plain(text);
      if (!text.empty()) out.control(" [/INST]");
      system = nullptr;
    } else {
      out.control("<s>[INST] ");
      out.plain(trimmed(message.text));
      out.control(" [/INST]");
    }
  }
}

}  // namespace

std::string_view name_of(ChatFamily family) {
  if (family == ChatFamily::kLlama3) return "llama3";
  return family == ChatFamily::kLlama2 ? "llama2" : "chatml";
}

ChatRole chat_role_of(std::string_view name) {
  for (const ChatRole role : {ChatRole::kSystem, ChatRole::kUser, ChatRole::kAssistant}) {
    if (name == name_of(role)) return role;
  }
  throw Exception(ErrorCode::kInvalidArgument,
                  fmt::format("role: {}: must be system, user or assistant", quoted_text(name)));
}

ChatTemplate recognise_chat_template(std::string_view jinja) {
  // Phi-4 separates with a token more, so its turns are not ChatML's.
  if (has(jinja, "<|im_start|>") && has(jinja, "<|im_end|>") && !has(jinja, "<|im_sep|>")) {
    return {ChatFamily::kChatMl, constant_system(jinja)};
  }
  if (has(jinja, "<|start_header_id|>") && has(jinja, "<|eot_id|>")) return {ChatFamily::kLlama3, {}};
  if (has(jinja, "[INST]") && has(jinja, "<<SYS>>")) return {ChatFamily::kLlama2, {}};
  throw Exception(
      ErrorCode::kUnsupported,
      fmt::format("chat template: {}: not known; known are those of ChatML (<|im_start|>, <|im_end|>), Llama 3 "
                  "(<|start_header_id|>, <|eot_id|>) and Llama 2 ([INST], <<SYS>>)",
                  quoted_text(jinja)));
}

std::vector<TextSegment> render(const ChatTemplate& chat, const std::vector<ChatMessage>& messages,
                                bool add_generation_prompt) {
  if (messages.empty()) throw Exception(ErrorCode::kInvalidArgument, "messages: none: at least one is needed");
  Segments out;
  switch (chat.family) {
    case ChatFamily::kChatMl:
      write_chatml(chat, messages, add_generation_prompt, out);
      break;
    case ChatFamily::kLlama3:
      write_llama3(messages, add_generation_prompt, out);
      break;
    case ChatFamily::kLlama2:
      write_llama2(messages, out);
      break;
  }
  return out.take();
}

}  // namespace fllm
