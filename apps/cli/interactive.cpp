// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "apps/cli/commands.h"
#include "apps/cli/conversation.h"
#include "apps/cli/errors.h"
#include "apps/cli/line_editor.h"
#include "apps/cli/model_path.h"
#include "apps/cli/output_sink.h"
#include "apps/cli/requests.h"
#include "apps/cli/settings_json.h"
#include "apps/cli/signals.h"
#include "apps/cli/text.h"

namespace fllm::cli {

namespace {

constexpr const char* kHelp =
    "Type a prompt and read how the model goes on. Ctrl-C stops the current text, Ctrl-D leaves.\n"
    "  /set KEY=VALUE  change a setting, as in /set temperature=0.5 or /set stop-tokens=. ! ?\n"
    "                  (a list may be a JSON array; /set KEY= goes back to the default)\n"
    "  /show           show the settings\n"
    "  /clear          forget the conversation\n"
    "  /help           show this\n"
    "  /quit           leave\n"
    "A line that starts with // is a prompt that starts with /.\n";

void say(const std::string& text) { std::fputs(text.c_str(), stderr); }

std::vector<std::string> check_request(const Settings& settings) {
  return request_violations(make_request(settings, ""), true);
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  while (!(text = trimmed(text)).empty()) {
    const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return words;
}

void assign_typed(Settings& settings, const Setting& setting, std::string_view value,
                  std::vector<std::string>& violations) {
  const std::string label(setting.name);
  const bool is_list = setting.value_name.ends_with("...");
  if (value.empty()) {
    std::visit([&](auto member) { (settings.*member).reset(); }, setting.field);
  } else if (is_list && value.starts_with('[')) {
    const nlohmann::json list = nlohmann::json::parse(value, nullptr, false);
    if (list.is_discarded()) {
      violations.push_back(label + ": " + in_quotes(value) + ": words or a JSON array is allowed");
    } else {
      assign_json(settings, setting, list, violations);
    }
  } else {
    assign_text(settings, setting, is_list ? words_of(value) : std::vector<std::string>{std::string(value)}, label,
                violations);
  }
}

/// "/set KEY=VALUE": all or nothing.
void set_value(Settings& settings, std::string_view argument) {
  const std::size_t equals = argument.find_first_of("= ");
  if (argument.empty() || equals == std::string_view::npos) {
    report_error("/set " + in_quotes(argument) + ": KEY=VALUE is allowed, as in /set temperature=0.5");
    return;
  }
  const std::string key(trimmed(argument.substr(0, equals)));
  const Setting* setting = find_setting(key);
  if (setting == nullptr || (setting->commands & kInteractive) == 0 || !setting->per_request) {
    const std::string_view close = closest_setting(key, kInteractive);
    report_error("/set " + in_quotes(key) + ": no such setting" +
                 (close.empty() ? std::string("; /show lists them") : ": did you mean " + std::string(close) + "?"));
    return;
  }
  Settings changed = settings;
  std::vector<std::string> violations;
  assign_typed(changed, *setting, trimmed(argument.substr(equals + 1)), violations);
  const std::vector<std::string> of_request = check_request(changed);
  violations.insert(violations.end(), of_request.begin(), of_request.end());
  for (const std::string& violation : violations) report_error(violation);
  if (violations.empty()) settings = changed;
}

template <class T>
std::string listed(const std::vector<T>& items) {
  return items.empty() ? "none" : nlohmann::json(items).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string shown_number(float number) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%g", static_cast<double>(number));
  return text.data();
}

/// What the next prompt will use, in the order of /set's table.
void show_values(const Settings& settings) {
  const Request request = make_request(settings, "");
  const SamplingOptions& sampling = request.sampling;
  const auto show = [](const char* name, const std::string& value) { say(std::string(name) + " = " + value + "\n"); };
  const auto optional_count = [](const std::optional<std::int32_t>& n) { return n ? std::to_string(*n) : "none"; };
  std::vector<std::string> biases;
  for (const LogitBias& bias : sampling.logit_bias) {
    biases.push_back(std::to_string(bias.id) + "=" + shown_number(bias.bias));
  }
  show("preset", settings.preset.value_or("default"));
  show("temperature", shown_number(sampling.temperature));
  show("top-k", std::to_string(sampling.top_k));
  show("top-p", shown_number(sampling.top_p));
  show("min-p", shown_number(sampling.min_p));
  show("repetition-penalty", shown_number(sampling.repetition_penalty));
  show("frequency-penalty", shown_number(sampling.frequency_penalty));
  show("presence-penalty", shown_number(sampling.presence_penalty));
  show("penalty-window", std::to_string(sampling.penalty_window));
  show("logit-bias", listed(biases));
  show("seed", sampling.seed ? std::to_string(*sampling.seed) : "random");
  show("max-tokens", std::to_string(request.length.max_tokens));
  show("max-length", optional_count(request.length.max_length));
  show("min-tokens", std::to_string(request.length.min_tokens));
  show("min-length", optional_count(request.length.min_length));
  show("stop-tokens", listed(request.stop.strings));
  show("stop-token-ids", listed(request.stop.token_ids));
  show("keep-stop", request.stop.keep_stop ? "on" : "off");
  show("prefix", request.control.prefix.empty() ? "none" : in_quotes(request.control.prefix));
  show("ban", listed(settings.ban.value_or(std::vector<std::string>{})));
  show("ban-chars", settings.ban_chars ? in_quotes(*settings.ban_chars) : "none");
  show("ban-token-ids", listed(request.control.banned_token_ids));
  show("context", settings.context.value_or(true) ? "on" : "off");
}

class Session {
 public:
  Session(Generator& generator, Settings& settings)
      : settings_(settings),
        sink_(""),
        conversation_(generator),
        streams_(settings.stream.value_or(sink_.is_terminal())) {}

  /// false: /quit.
  bool handle(const std::string& line) {
    if (!line.starts_with('/')) return reply(line), true;
    if (line.starts_with("//")) return reply(line.substr(1)), true;
    const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
    const std::string command = line.substr(0, end);
    if (command == "/quit" || command == "/exit") return false;
    if (command == "/set") {
      set_value(settings_, trimmed(std::string_view(line).substr(end)));
    } else if (command == "/show") {
      show_values(settings_);
    } else if (command == "/clear") {
      conversation_.clear();
      replies_ = 0;
      report_note(settings_.is_quiet(), "the conversation is forgotten");
    } else if (command == "/help") {
      say(kHelp);
    } else {
      report_error(in_quotes(command) + ": no such command: /set, /show, /clear, /help and /quit are allowed");
    }
    return true;
  }

  [[nodiscard]] bool failed() const { return failed_; }

 private:
  void reply(const std::string& line) {
    if (line.empty()) return;
    try {
      if (!settings_.context.value_or(true)) conversation_.clear();
      if (!conversation_.ends_line() && !conversation_.empty()) conversation_.append("\n");
      conversation_.append(line);
      Request request = make_request(settings_, "");
      if (request.sampling.seed) *request.sampling.seed += replies_;  // wraps
      ++replies_;
      const Sample sample = conversation_.draw(std::move(request), [this](std::string_view text) {
        sink_.write(text);
        if (streams_) sink_.flush();
      });
      conversation_.append(sample.text);
    } catch (const Exception& error) {
      for (const std::string& violation : with_flag_names(error.what(), true)) report_error(violation);
      failed_ = true;
      if (error.code() == ErrorCode::kDeviceLost || error.code() == ErrorCode::kIo) throw;
    }
    sink_.write("\n");
    sink_.flush();
  }

  Settings& settings_;
  OutputSink sink_;
  Conversation conversation_;
  bool streams_;
  bool failed_ = false;
  std::uint64_t replies_ = 0;  // since /clear; with a seed, each reply has its own
};

}  // namespace

int run_interactive(CommandLine& line) {
  check_machine(line.settings, line.violations);
  const std::vector<std::string> of_request = check_request(line.settings);
  line.violations.insert(line.violations.end(), of_request.begin(), of_request.end());
  check_usage(line);

  Generator generator = open_generator(line, 1);
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
  return session.failed() && !editor.is_terminal() ? kExitFailure : kExitSuccess;
}

}  // namespace fllm::cli
