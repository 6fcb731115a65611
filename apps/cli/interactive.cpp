// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apps/cli/chat_conversation.h"
#include "apps/cli/commands.h"
#include "apps/cli/conversation.h"
#include "apps/cli/errors.h"
#include "apps/cli/line_editor.h"
#include "apps/cli/model_path.h"
#include "apps/cli/output_sink.h"
#include "apps/cli/requests.h"
#include "apps/cli/signals.h"
#include "apps/cli/speculation_report.h"
#include "apps/cli/text.h"
#include "apps/cli/typed_settings.h"

namespace fllm::cli {

namespace {

constexpr const char* kHelp =
    "Type a prompt and read how the model goes on, or with --chat what it answers. Ctrl-C stops the current text, "
    "Ctrl-D leaves.\n"
    "  /set KEY=VALUE  change a setting, as in /set temperature=0.5 or /set stop-tokens=. ! \"\\n\"\n"
    "                  (texts may be JSON strings, lists JSON arrays; /set KEY= goes back to the default)\n"
    "  /show           show the settings\n"
    "  /clear          forget the conversation\n"
    "  /help           show this\n"
    "  /quit           leave\n"
    "A line that starts with // is a prompt that starts with /.\n";

void say(const std::string& text) { std::fputs(text.c_str(), stderr); }

/// Why the model cannot answer, where it is asked to.
std::optional<Error> chat_error(const Generator& generator, const Settings& settings) {
  if (!settings.chat.value_or(false)) return std::nullopt;
  std::vector<ChatMessage> messages{{ChatRole::kUser, ""}};
  if (settings.system) messages.insert(messages.begin(), {ChatRole::kSystem, *settings.system});
  const Result<std::vector<TokenId>> encoded = generator.encode_chat(messages);
  return encoded ? std::nullopt : std::optional<Error>(encoded.error());
}

/// What is wrong with the request that the settings make, the model's own limits included.
std::vector<std::string> check_request(Generator& generator, const Settings& settings, bool label_flags) {
  Request request = make_request(settings, "");
  request.prompt = std::vector<TokenId>{0};
  const Result<RequestId> submitted = generator.submit(std::move(request));
  if (!submitted) return with_flag_names(submitted.error().message, label_flags);
  generator.cancel(*submitted);
  (void)generator.wait(*submitted);
  return {};
}

class Session {
 public:
  Session(Generator& generator, Settings& settings)
      : generator_(generator),
        settings_(settings),
        sink_(""),
        conversation_(generator),
        chat_(generator),
        streams_(settings.stream.value_or(sink_.is_terminal())) {}

  /// false: /quit.
  bool handle(const std::string& line) {
    if (!line.starts_with('/')) return reply(line), true;
    if (line.starts_with("//")) return reply(line.substr(1)), true;
    const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
    const std::string command = line.substr(0, end);
    if (command == "/quit" || command == "/exit") return false;
    if (command == "/set") {
      set(trimmed(std::string_view(line).substr(end)));
    } else if (command == "/show") {
      say(shown_settings(settings_));
    } else if (command == "/clear") {
      forget();
    } else if (command == "/help") {
      say(kHelp);
    } else {
      report_error(in_quotes(command) + ": no such command: /set, /show, /clear, /help and /quit are allowed");
    }
    return true;
  }

  [[nodiscard]] bool failed() const { return failed_; }

 private:
  /// All or nothing.
  void set(std::string_view argument) {
    Settings changed = settings_;
    std::vector<std::string> violations = set_typed(changed, argument);
    if (violations.empty()) violations = check_request(generator_, changed, false);
    if (const auto error = chat_error(generator_, changed)) violations.push_back(error->message);
    for (const std::string& violation : violations) report_error(violation);
    if (!violations.empty()) return;
    const bool other_kind = changed.chat.value_or(false) != settings_.chat.value_or(false);
    settings_ = std::move(changed);
    if (other_kind && replies_ > 0) forget();
  }

  void forget() {
    conversation_.clear();
    chat_.clear();
    replies_ = 0;
    report_note(settings_.is_quiet(), "the conversation is forgotten");
  }

  /// Goes on with the text of the conversation; the seed.
  std::uint64_t go_on(const std::string& line, Request request, const std::function<void(std::string_view)>& sink) {
    if (!settings_.context.value_or(true)) conversation_.clear();
    if (!conversation_.ends_line() && !conversation_.empty()) conversation_.append("\n");
    conversation_.append(line);
    const Drawn drawn = conversation_.draw(std::move(request), sink);
    conversation_.append(drawn.sample.text);
    return drawn.seed;
  }

  std::uint64_t answer(const std::string& line, Request request, const std::function<void(std::string_view)>& sink) {
    if (!settings_.context.value_or(true)) chat_.clear();
    const ChatConversation::Answer answer = chat_.answer(line, settings_.system, std::move(request), sink);
    if (answer.forgotten > 0) {
      const std::string oldest = answer.forgotten == 1
                                     ? "message and its answer"
                                     : std::to_string(answer.forgotten) + " messages and their answers";
      report_note(settings_.is_quiet(), "the context is full: the oldest " + oldest + " are forgotten");
    }
    return answer.drawn.seed;
  }

  void reply(const std::string& line) {
    if (line.empty()) return;
    std::optional<std::uint64_t> seed;
    try {
      Request request = make_request(settings_, "");
      if (request.sampling.seed) *request.sampling.seed += replies_;  // wraps
      ++replies_;
      const auto write = [this](std::string_view text) {
        sink_.write(text);
        if (streams_) sink_.flush();
      };
      const bool chat = settings_.chat.value_or(false);
      seed = chat ? answer(line, std::move(request), write) : go_on(line, std::move(request), write);
    } catch (const Exception& error) {
      for (const std::string& violation : with_flag_names(error.what(), false)) report_error(violation);
      failed_ = true;
      if (error.code() == ErrorCode::kDeviceLost || error.code() == ErrorCode::kIo) throw;
    }
    sink_.write("\n");
    sink_.flush();
    if (seed) report_note(!settings_.is_verbose(), "seed " + std::to_string(*seed));
  }

  Generator& generator_;
  Settings& settings_;
  OutputSink sink_;
  Conversation conversation_;
  ChatConversation chat_;
  bool streams_;
  bool failed_ = false;
  std::uint64_t replies_ = 0;  // since /clear; with a seed, each reply has its own
};

}  // namespace

int run_interactive(CommandLine& line) {
  check_machine(line.settings, line.violations);
  check_system(line.settings, line.violations);
  check_beams(line.settings, true, line.violations);
  check_speculation(line.settings, true, line.violations);
  const std::vector<std::string> of_request = request_violations(make_request(line.settings, ""), true);
  line.violations.insert(line.violations.end(), of_request.begin(), of_request.end());
  check_usage(line);

  constexpr std::int32_t kBeams = 16;  // may be asked for later
  Generator generator = open_generator(line, std::max(line.settings.beam_width.value_or(1), kBeams));
  line.violations = check_request(generator, line.settings, true);
  check_usage(line);
  if (const auto error = chat_error(generator, line.settings)) throw Exception(error->code, error->message);
  LineEditor editor(default_history_path());
  if (editor.is_terminal() && !line.settings.is_quiet()) say("Type a prompt, or /help. Ctrl-D leaves.\n");
  Session session(generator, line.settings);
  std::string typed;
  while (true) {
    const LineEditor::Status status = editor.read("> ", typed);
    if (status == LineEditor::Status::kEnd) break;
    if (status == LineEditor::Status::kLine && !session.handle(typed)) break;
    if (noted_signal() == 0) continue;
    if (!editor.is_terminal() || noted_signal() != SIGINT) throw Interrupted();
    forget_signal();
  }
  report_speculation(line.settings, generator);
  return session.failed() && !editor.is_terminal() ? kExitFailure : kExitSuccess;
}

}  // namespace fllm::cli
