// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <iostream>
#include <iterator>
#include <memory>

#include "apps/cli/command_words.h"
#include "apps/cli/errors.h"
#include "apps/cli/text.h"
#include "fundamentallm/version.h"

namespace fllm::cli {

namespace {

struct CommandSpec {
  CommandBits bits;
  const char* name;
  const char* summary;
  const char* footer;
};

constexpr const char* kModelHelp =
    "A model file (.gguf, .safetensors, .bin, .pt, .pth), or a folder with one; docs/cli.md says what else is needed.\n"
    "Default: the bundled model (small, Shakespeare)";

constexpr const char* kExitHelp =
    "\nExit codes: 0 success, 1 failure while running, 2 wrong usage, 129 hang-up, 130 Ctrl-C, 143 SIGTERM.\n"
    "stdout carries nothing but the result.";

constexpr const char* kListHelp =
    "\nAn option with several values takes all words up to the next option or --; a last word that ends like a model\n"
    "file is the MODEL when none was given.";

constexpr std::array kCommands{
    CommandSpec{kGenerate, "generate", "Continue prompts",
                "Examples:\n"
                "  fundamentallm generate --prompt \"ROMEO:\" --seed 7\n"
                "  fundamentallm generate model.pt --prompt \"Once\" --temperature 0 --stop-tokens \".\" \"!\" \"?\"\n"
                "  fundamentallm generate --input requests.jsonl --output-file results.jsonl"},
    CommandSpec{kDialogue, "dialogue", "Let speakers talk in turn",
                "Each turn is a line that starts with the speaker's name and ends at a newline."},
    CommandSpec{kInteractive, "interactive", "Type prompts, read continuations", "Type /help inside for its commands."},
    CommandSpec{
        kGuide, "guide", "Choose each token yourself",
        "Shows the five most likely next tokens with the model's own probabilities (temperature 1, no filters).\n"
        "1-5 chooses one; =TEXT, or any other text, is appended whole; u undoes; quit or end of input leaves.\n"
        "The menu is on stderr; the final text goes to stdout."},
    CommandSpec{kInfo, "info", "Describe a model", ""},
    CommandSpec{
        kServe, "serve", "Answer requests over HTTP",
        "Endpoints like OpenAI's: /v1/completions, /v1/chat/completions, /v1/models; /health, /metrics.\n"
        "A line with the URL goes to stdout when it listens. Ctrl-C or SIGTERM: what is under way is finished,\n"
        "the exit code is 0; a second one ends the program at once."},
};

/// Options as people write them: "--stream, --no-stream" and "--ban TEXT...".
class PlainFormatter : public CLI::Formatter {
 public:
  PlainFormatter() {
    constexpr std::size_t kColumn = 32;
    column_width(kColumn);
  }

  std::string make_option_name(const CLI::Option* option, bool is_positional) const override {
    if (is_positional) return option->get_name(true);
    std::string name;
    for (const std::string& part : option->get_snames()) name.append(name.empty() ? "-" : ", -").append(part);
    for (const std::string& part : option->get_lnames()) name.append(name.empty() ? "--" : ", --").append(part);
    return name;
  }

  std::string make_option_opts(const CLI::Option* option) const override {
    const std::string value = option->get_type_name();
    if (value.empty() || option->get_items_expected_max() == 0) return {};
    return option->get_items_expected_min() == 0 && !option->get_positional() ? " [" + value + "]" : " " + value;
  }
};

void add_setting(CLI::App& app, const Setting& setting) {
  const std::string flag = "--" + std::string(setting.name);
  const std::string help(setting.help);
  CLI::Option* option = nullptr;
  if (is_flag(setting)) {
    const bool has_negation = setting.name != "verbose" && setting.name != "quiet";
    option = app.add_flag(has_negation ? flag + ",!--no-" + std::string(setting.name) : flag, help);
  } else {
    option = app.add_option(flag, help);
    option->type_name(std::string(setting.value_name));
    if (is_list(setting)) option->expected(1, -1)->allow_extra_args();
    if (!setting.implied.empty()) option->expected(0, 1);
  }
  option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  option->group(std::string(setting.group));
}

bool is_model_name(std::string_view word) {
  constexpr std::string_view kEndings[] = {".gguf", ".safetensors", ".bin", ".pt", ".pth"};
  return std::any_of(std::begin(kEndings), std::end(kEndings),
                     [word](std::string_view ending) { return word.ends_with(ending) && word.size() > ending.size(); });
}

void read_setting(const CLI::Option& option, const Setting& setting, CommandLine& line) {
  std::vector<std::string> words;
  for (const std::string& word : option.results()) words.push_back(unguarded(word));
  const bool greedy = is_list(setting) || !setting.implied.empty();
  if (greedy && line.model.empty() && words.size() >= (is_list(setting) ? 2U : 1U) && is_model_name(words.back())) {
    line.model = words.back();
    words.pop_back();
  }
  if (!setting.implied.empty() &&
      (words.empty() || words == std::vector<std::string>{"true"} || words == std::vector<std::string>{""})) {
    words = {std::string(setting.implied)};
  }
  const std::string label = "--" + std::string(setting.name);
  if (is_list(setting) && !words.empty() && words.back() == " ") {
    line.notes.push_back(label + ": the last value is a blank; a stray '\\ ' at a line's end gives one");
  }
  assign_text(line.settings, setting, words, label, line.violations);
}

std::string unknown_option(const std::string& word, CommandBits command) {
  const std::string name = word.substr(0, word.find('='));
  const std::string bare = name.substr(std::min(name.find_first_not_of('-'), name.size()));
  if (const Setting* setting = find_setting(bare); setting != nullptr && name == "--" + std::string(setting->name)) {
    std::vector<std::string> commands;
    for (const CommandSpec& spec : kCommands) {
      if ((setting->commands & spec.bits) != 0) commands.emplace_back(spec.name);
    }
    return in_quotes(name) + ": not an option of this command, but of " + joined(commands, ", ");
  }
  const std::string_view close = closest_setting(bare, command);
  return in_quotes(name) + ": unknown option" +
         (close.empty() ? std::string() : ": did you mean --" + std::string(close) + "?");
}

void read_operand(const std::string& word, CommandLine& line) {
  if (word == "-" && (line.command & (kGenerate | kDialogue | kGuide)) != 0 && !line.settings.prompt) {
    line.settings.prompt = "-";
  } else if (word == "-") {
    line.violations.emplace_back("argument '-': unexpected: it stands for a prompt that is read from stdin");
  } else if (word.empty()) {
    line.violations.emplace_back("argument '': empty: MODEL is a file or a folder");
  } else if (is_blank(word)) {
    line.violations.push_back("argument " + in_quotes(word) +
                              ": blank: not allowed (hint: '\\ ' at a line's end passes a space; the backslash must be "
                              "the last character of the line)");
  } else if (line.model.empty()) {
    line.model = word;
  } else {
    line.violations.push_back("argument " + in_quotes(word) +
                              ": unexpected: one MODEL is allowed (quote texts with spaces)");
  }
}

/// Reads what was typed after the name of the command.
void read_words(const CLI::App& app, const CommandWords& typed, CommandLine& line) {
  line.violations = typed.violations;
  std::vector<std::string> operands = app.get_option("MODEL")->results();
  for (std::string& word : operands) word = unguarded(word);
  // Before the options, because a list leaves its last word to MODEL only when there is none.
  const bool is_model = !operands.empty() && operands[0] != "-" && !is_blank(operands[0]);
  if (is_model) line.model = operands[0];
  for (const Setting& setting : settings_table()) {
    if ((setting.commands & line.command) == 0) continue;
    const CLI::Option& option = *app.get_option("--" + std::string(setting.name));
    if (option.count() > 0) read_setting(option, setting, line);
  }
  if (is_model) operands.erase(operands.begin());
  for (const std::string& rest : app.remaining()) {
    std::string word = unguarded(rest);
    if (word.size() > 1 && word.starts_with('-')) {
      line.violations.push_back(unknown_option(word, line.command));
    } else {
      operands.push_back(std::move(word));
    }
  }
  operands.insert(operands.end(), typed.operands.begin(), typed.operands.end());
  for (const std::string& word : operands) read_operand(word, line);
  if (line.settings.output_file == "-") line.settings.output_file.reset();  // stdout, as without it
  if (line.settings.is_quiet() && line.settings.is_verbose()) {
    line.violations.emplace_back("--quiet: given with --verbose: only one of them is allowed");
  }
}

/// A command comes first. Empty where it does, or where help or the version is asked for.
std::string command_violation(const std::vector<std::string>& words) {
  std::vector<std::string> names;
  names.reserve(std::size(kCommands));
  for (const CommandSpec& spec : kCommands) names.emplace_back(spec.name);
  const std::string allowed = "one of " + joined(names, ", ") + " comes first";
  if (words.empty()) return "no command: " + allowed;
  if (words[0] == "-h" || words[0] == "--help" || words[0] == "--version") return {};
  if (std::find(names.begin(), names.end(), words[0]) != names.end()) return {};
  return in_quotes(words[0]) + ": no such command: " + allowed;
}

/// The exit code of a line that is none.
int refuse(const std::string& message) {
  report_error(message);
  std::fputs("Try 'fundamentallm --help'.\n", stderr);
  return kExitUsage;
}

/// Help and the version go to stdout, which may be full or closed.
int exit_after_help(const CLI::App& app, const CLI::Success& done) {
  const int code = app.exit(done);
  if (std::cout.flush()) return code;
  report_error("stdout: cannot write");
  return kExitFailure;
}

}  // namespace

std::variant<CommandLine, int> parse_command_line(int argc, char** argv) {
  CLI::App app("Turns a language model's logits into text: exact, reproducible, fast", "fundamentallm");
  app.set_version_flag("--version", std::string("fundamentallm ") + FLLM_VERSION);
  app.require_subcommand(1);
  app.formatter(std::make_shared<PlainFormatter>());
  app.footer("\nfundamentallm COMMAND --help shows the options of a command.");

  std::array<CLI::App*, kCommands.size()> commands{};
  for (std::size_t i = 0; i < kCommands.size(); ++i) {
    const CommandSpec& spec = kCommands[i];
    CLI::App* command = app.add_subcommand(spec.name, spec.summary);
    command->allow_extras();
    command->add_option("MODEL", kModelHelp)->type_name("");
    bool has_lists = false;
    for (const Setting& setting : settings_table()) {
      if ((setting.commands & spec.bits) == 0) continue;
      add_setting(*command, setting);
      has_lists = has_lists || is_list(setting);
    }
    command->footer((*spec.footer != '\0' ? std::string("\n") + spec.footer + "\n" : "") + kExitHelp +
                    (has_lists ? kListHelp : ""));
    commands[i] = command;
  }

  const std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  if (const std::string violation = command_violation(words); !violation.empty()) return refuse(violation);
  CommandWords typed = command_words(words);
  std::reverse(typed.words.begin(), typed.words.end());  // as CLI11 wants them
  try {
    app.parse(typed.words);
  } catch (const CLI::Success& done) {
    return exit_after_help(app, done);
  } catch (const CLI::ParseError& error) {
    return refuse(error.what());
  }

  CommandLine line;
  for (std::size_t i = 0; i < kCommands.size(); ++i) {
    if (!commands[i]->parsed()) continue;
    line.command = kCommands[i].bits;
    line.command_name = kCommands[i].name;
    read_words(*commands[i], typed, line);
  }
  for (const std::string& note : line.notes) report_note(line.settings.is_quiet(), note);
  return line;
}

void check_usage(const CommandLine& line) {
  if (!line.violations.empty()) throw UsageError(line.violations);
}

}  // namespace fllm::cli
