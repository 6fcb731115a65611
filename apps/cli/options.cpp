// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <iostream>
#include <memory>

#include "apps/cli/errors.h"
#include "apps/cli/text.h"
#include "fundamentallm/version.h"

namespace fllm::cli {

namespace {

struct CommandSpec {
  CommandBits bits;
  const char* name;
  const char* summary;
  const char* model_help;
  const char* footer;
};

constexpr const char* kModelHelp =
    "A checkpoint (.pt, .pth), or a folder with model.pt; tokenizer.json lies beside it.\n"
    "Default: the bundled model (small, Shakespeare)";

constexpr const char* kExitHelp =
    "\nExit codes: 0 success, 1 failure while running, 2 wrong usage, 130 Ctrl-C, 143 SIGTERM.\n"
    "An option with several values takes all words up to the next option; a last word that ends in .pt or .pth\n"
    "is the MODEL when none was given. stdout carries nothing but the result.";

constexpr std::array kCommands{
    CommandSpec{kGenerate, "generate", "Continue prompts", kModelHelp,
                "Examples:\n"
                "  fundamentallm generate --prompt \"ROMEO:\" --seed 7\n"
                "  fundamentallm generate model.pt --prompt \"Once\" --temperature 0 --stop-tokens \".\" \"!\" \"?\"\n"
                "  fundamentallm generate --input requests.jsonl --output-file results.jsonl"},
    CommandSpec{kDialogue, "dialogue", "Let speakers talk in turn", kModelHelp,
                "Each turn is a line that starts with the speaker's name and ends at a newline."},
    CommandSpec{kInteractive, "interactive", "Type prompts, read continuations", kModelHelp,
                "Type /help inside for its commands."},
    CommandSpec{
        kGuide, "guide", "Choose each token yourself", kModelHelp,
        "Shows the five most likely next tokens with the model's own probabilities (temperature 1, no filters).\n"
        "1-5 chooses one; =TEXT, or any other text, is appended whole; u undoes; quit or end of input leaves.\n"
        "The menu is on stderr; the final text goes to stdout."},
    CommandSpec{kInfo, "info", "Describe a model", kModelHelp, ""},
};

/// Keeps CLI11 from reading "[a,b]" as a list; removed again from every value.
constexpr char kGuard = '\x01';

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

bool is_list(const Setting& setting) {
  return std::visit(
      [](auto member) {
        using Field = std::remove_reference_t<decltype(std::declval<Settings&>().*member)>;
        return std::is_same_v<Field, std::optional<std::vector<std::string>>> ||
               std::is_same_v<Field, std::optional<std::vector<TokenId>>> ||
               std::is_same_v<Field, std::optional<std::vector<LogitBias>>>;
      },
      setting.field);
}

bool is_flag(const Setting& setting) { return std::holds_alternative<std::optional<bool> Settings::*>(setting.field); }

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

/// "--name=value" becomes two words (CLI11 takes an empty value for a missing one), and brackets are guarded.
std::vector<std::string> prepared_words(int argc, char** argv) {
  std::vector<std::string> words;
  bool options_over = false;
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    options_over = options_over || word == "--";
    const std::size_t equals = word.find('=');
    if (!options_over && word.starts_with("--") && equals != std::string::npos) {
      const Setting* setting = find_setting(std::string_view(word).substr(2, equals - 2));
      if (setting != nullptr && !is_flag(*setting)) {
        words.push_back(word.substr(0, equals));
        word = word.substr(equals + 1);
      }
    }
    if (word.starts_with('[')) word.insert(word.begin(), kGuard);
    words.push_back(std::move(word));
  }
  return words;
}

std::string unguarded(std::string word) {
  if (word.starts_with(kGuard)) word.erase(word.begin());
  return word;
}

bool is_model_name(std::string_view word) {
  return (word.ends_with(".pt") && word.size() > 3) || (word.ends_with(".pth") && word.size() > 4);
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
    report_note(line.settings.is_quiet(),
                label + ": the last value is a blank; a stray '\\ ' at a line's end gives one");
  }
  assign_text(line.settings, setting, words, label, line.violations);
}

void read_rest(const CLI::App& app, CommandLine& line) {
  std::vector<std::string> rest = app.remaining();
  if (line.model == "-" || (!line.model.empty() && is_blank(line.model))) {
    rest.insert(rest.begin(), line.model);
    line.model.clear();
  }
  for (std::string& word : rest) {
    word = unguarded(word);
    if (word == "-" && (line.command & (kGenerate | kDialogue | kGuide)) != 0 && !line.settings.prompt) {
      line.settings.prompt = "-";
    } else if (is_blank(word)) {
      line.violations.push_back(
          "argument " + in_quotes(word) +
          ": blank: not allowed (hint: '\\ ' at a line's end passes a space; the backslash must be "
          "the last character of the line)");
    } else if (word.size() > 1 && word.starts_with('-')) {
      const std::string name = word.substr(0, word.find('='));
      const std::size_t dashes = std::min(name.find_first_not_of('-'), name.size());
      const std::string_view close = closest_setting(name.substr(dashes), line.command);
      line.violations.push_back(in_quotes(name) + ": unknown option" +
                                (close.empty() ? std::string() : ": did you mean --" + std::string(close) + "?"));
    } else if (line.model.empty() && is_model_name(word)) {
      line.model = word;
    } else {
      line.violations.push_back("argument " + in_quotes(word) +
                                ": unexpected: one MODEL is allowed (quote texts with spaces)");
    }
  }
}

void report_parse_error(const CLI::App& app, const CLI::ParseError& error) {
  std::string program = "fundamentallm";
  for (const CLI::App* command : app.get_subcommands()) program += " " + command->get_name();
  report_error(error.what());
  std::cerr << "Try '" << program << " --help'.\n";
}

}  // namespace

std::variant<CommandLine, int> parse_command_line(int argc, char** argv) {
  CLI::App app("Turns a language model's logits into text: exact, reproducible, fast", "fundamentallm");
  app.set_version_flag("--version", std::string("fundamentallm ") + FLLM_VERSION);
  app.require_subcommand(1);
  app.formatter(std::make_shared<PlainFormatter>());
  app.footer("\nfundamentallm COMMAND --help shows the options of a command.");

  std::array<std::string, kCommands.size()> models;
  std::array<CLI::App*, kCommands.size()> commands{};
  for (std::size_t i = 0; i < kCommands.size(); ++i) {
    const CommandSpec& spec = kCommands[i];
    CLI::App* command = app.add_subcommand(spec.name, spec.summary);
    command->allow_extras();
    command->footer(std::string("\n") + spec.footer + (*spec.footer != '\0' ? "\n" : "") + kExitHelp);
    command->add_option("MODEL", models[i], spec.model_help)->type_name("");
    for (const Setting& setting : settings_table()) {
      if ((setting.commands & spec.bits) != 0) add_setting(*command, setting);
    }
    commands[i] = command;
  }

  std::vector<std::string> words = prepared_words(argc, argv);
  std::reverse(words.begin(), words.end());  // as CLI11 wants them
  try {
    app.parse(words);
  } catch (const CLI::Success& done) {
    return app.exit(done);
  } catch (const CLI::ParseError& error) {
    report_parse_error(app, error);
    return kExitUsage;
  }

  CommandLine line;
  for (std::size_t i = 0; i < kCommands.size(); ++i) {
    if (!commands[i]->parsed()) continue;
    line.command = kCommands[i].bits;
    line.command_name = kCommands[i].name;
    line.model = unguarded(models[i]);
    for (const Setting& setting : settings_table()) {
      if ((setting.commands & line.command) == 0) continue;
      const CLI::Option& option = *commands[i]->get_option("--" + std::string(setting.name));
      if (option.count() > 0) read_setting(option, setting, line);
    }
    read_rest(*commands[i], line);
  }
  if (line.settings.is_quiet() && line.settings.is_verbose()) {
    line.violations.emplace_back("--quiet: given with --verbose: only one of them is allowed");
  }
  return line;
}

void check_usage(const CommandLine& line) {
  if (!line.violations.empty()) throw UsageError(line.violations);
}

}  // namespace fllm::cli
