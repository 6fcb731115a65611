// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/cli/commands.h"
#include "apps/cli/errors.h"
#include "apps/cli/line_editor.h"
#include "apps/cli/model_path.h"
#include "apps/cli/output_sink.h"
#include "apps/cli/requests.h"
#include "apps/cli/signals.h"
#include "apps/cli/text.h"

namespace fllm::cli {

namespace {

constexpr std::int32_t kChoices = 5;

/// A text built token by token, with the way back. What was typed stays as it was typed, also where the model knows no
/// token for a character.
class GuidedText {
 public:
  GuidedText(Generator& generator, const std::string& prompt) : generator_(generator) { append(prompt); }

  [[nodiscard]] bool is_full() const { return ids_.size() >= limit(); }
  [[nodiscard]] bool can_undo() const { return steps_.size() > 1; }
  [[nodiscard]] std::string text() const {
    std::string text;
    std::vector<TokenId> chosen;  // in a row: a character may need several
    for (const Step& step : steps_) {
      if (step.chosen) {
        chosen.push_back(*step.chosen);
        continue;
      }
      text += generator_.decode(std::exchange(chosen, {})).value() + step.typed;
    }
    return text + generator_.decode(chosen).value();
  }

  /// The most likely next tokens by the model's own distribution, at most five.
  [[nodiscard]] std::vector<TokenLogprob> candidates() const {
    Request request;
    request.prompt = ids_;
    request.logprobs = std::min(kChoices, generator_.info().vocab_size);
    request.sampling.temperature = 0;
    request.length.max_tokens = 1;
    Result<Completion> completion = generator_.generate(std::move(request));
    const Sample& sample = completion.value().samples.at(0);
    if (sample.error) throw Exception(sample.error->code, sample.error->message);
    if (sample.details.empty()) throw Interrupted();
    return sample.details.front().top;
  }

  void append(TokenId id) {
    steps_.push_back({ids_.size(), {}, id});
    ids_.push_back(id);
  }

  /// Errors: kInvalidArgument (invalid UTF-8), kContextOverflow.
  void append(std::string_view text) {
    const Result<std::vector<TokenId>> encoded = generator_.encode(text);
    check_room(ids_.size() + encoded.value().size());
    steps_.push_back({ids_.size(), std::string(text), std::nullopt});
    ids_.insert(ids_.end(), encoded->begin(), encoded->end());
  }

  /// Precondition: can_undo().
  void undo() {
    ids_.resize(steps_.back().start);
    steps_.pop_back();
  }

 private:
  struct Step {
    std::size_t start = 0;  // in ids_
    std::string typed;
    std::optional<TokenId> chosen;
  };

  [[nodiscard]] std::size_t limit() const { return static_cast<std::size_t>(generator_.info().context_length); }
  void check_room(std::size_t size) const {
    if (size > limit()) {
      throw Exception(ErrorCode::kContextOverflow, "the text would have " + std::to_string(size) +
                                                       " tokens: the model's context is " + std::to_string(limit()));
    }
  }

  Generator& generator_;
  std::vector<TokenId> ids_;
  std::vector<Step> steps_;  // the first is the prompt
};

void show_menu(const Generator& generator, const GuidedText& text, const std::vector<TokenLogprob>& candidates) {
  std::fprintf(stderr, "\n%s\n", text.text().c_str());
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    std::fprintf(stderr, "  %zu  %6.2f %%  %s\n", i + 1, 100 * std::exp(static_cast<double>(candidates[i].raw)),
                 in_quotes(generator.token_text(candidates[i].id)).c_str());
  }
  if (candidates.empty()) std::fputs("  the context is full: u undoes, quit leaves\n", stderr);
}

/// One step; false: leave.
bool handle(const std::string& line, GuidedText& text, const std::vector<TokenLogprob>& candidates) {
  const bool is_digit = line.size() == 1 && line[0] >= '1' && line[0] < '1' + kChoices;
  if (line == "quit") return false;
  if (line.empty() || line == "=") {
    std::fputs("  1-5 chooses, =TEXT or other text is appended, u undoes, quit leaves\n", stderr);
  } else if (line == "u") {
    if (text.can_undo()) {
      text.undo();
    } else {
      std::fputs("  nothing to undo\n", stderr);
    }
  } else if (is_digit) {
    const auto choice = static_cast<std::size_t>(line[0] - '1');
    if (choice < candidates.size()) {
      text.append(candidates[choice].id);
    } else {
      report_error(in_quotes(line) + ": there are only " + std::to_string(candidates.size()) + " choices");
    }
  } else {
    text.append(line.starts_with('=') ? std::string_view(line).substr(1) : std::string_view(line));
  }
  return true;
}

}  // namespace

int run_guide(CommandLine& line) {
  const Settings& settings = line.settings;
  check_files(settings, false, line.violations);
  check_machine(settings, line.violations);
  if (settings.prompt == "-" || settings.prompt_file == "-") {
    line.violations.emplace_back("--prompt: '-': stdin carries the choices: a text is allowed");
  }
  check_usage(line);

  const std::string prompt = settings.prompt || settings.prompt_file ? prompt_text(settings) : std::string();
  Generator generator = open_generator(line, 1);
  GuidedText text(generator, prompt);
  LineEditor editor("");
  OutputSink sink("");
  std::string typed;
  while (true) {
    const std::vector<TokenLogprob> candidates = text.is_full() ? std::vector<TokenLogprob>{} : text.candidates();
    if (!settings.is_quiet() || editor.is_terminal()) show_menu(generator, text, candidates);
    if (editor.read("guide> ", typed) != LineEditor::Status::kLine) break;
    try {
      if (!handle(typed, text, candidates)) break;
    } catch (const Exception& error) {
      report_error(error.what());  // the text stays as it was
    }
  }
  sink.write(text.text() + "\n");
  sink.commit();
  constexpr int kSignalBase = 128;
  return noted_signal() == 0 ? kExitSuccess : kSignalBase + noted_signal();
}

}  // namespace fllm::cli
