// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "apps/cli/commands.h"
#include "apps/cli/conversation.h"
#include "apps/cli/errors.h"
#include "apps/cli/model_path.h"
#include "apps/cli/output_sink.h"
#include "apps/cli/requests.h"
#include "apps/cli/signals.h"
#include "apps/cli/speculation_report.h"
#include "apps/cli/text.h"

namespace fllm::cli {

namespace {

struct Plan {
  std::vector<std::string> speakers;
  std::int32_t turns = 5;
  std::int32_t max_turn_tokens = 80;
  std::uint64_t seed = 0;
};

void check_plan(CommandLine& line, const Plan& plan) {
  const Settings& settings = line.settings;
  for (const std::string& speaker : plan.speakers) {
    if (is_blank(speaker) || speaker.find('\n') != std::string::npos || invalid_utf8_offset(speaker)) {
      line.violations.push_back("--speakers: " + in_quotes(speaker) + ": a name of one line of UTF-8 text is allowed");
    }
  }
  if (plan.turns <= 0) line.violations.push_back("--turns: " + std::to_string(plan.turns) + ": above 0 is allowed");
  if (plan.max_turn_tokens <= 0) {
    line.violations.push_back("--max-turn-tokens: " + std::to_string(plan.max_turn_tokens) + ": above 0 is allowed");
  }
  check_files(settings, false, line.violations);
  check_machine(settings, line.violations);
  check_speculation(settings, true, line.violations);
  const std::vector<std::string> of_request = request_violations(make_request(settings, ""), true);
  line.violations.insert(line.violations.end(), of_request.begin(), of_request.end());
  if (settings.stream.value_or(false) && (settings.is_jsonl() || settings.output_file)) {
    line.violations.emplace_back("--stream: text format to stdout is allowed (no --format jsonl or --output-file)");
  }
  check_usage(line);
}

/// One turn, in two draws: the first token, which may not end the turn at once, and the rest up to the newline.
Drawn draw_turn(Conversation& conversation, const Settings& settings, const Plan& plan, std::int32_t turn,
                const std::function<void(std::string_view)>& sink) {
  Request request = make_request(settings, "");
  request.sampling.seed = plan.seed + static_cast<std::uint64_t>(turn);  // wraps
  Request first = request;
  first.length.max_tokens = 1;
  first.length.min_tokens = 1;
  first.control.banned_text.emplace_back("\n");
  Drawn drawn = conversation.draw(std::move(first), sink);
  Sample& sample = drawn.sample;
  conversation.append(sample.text);
  if (sample.finish_reason != FinishReason::kLength || plan.max_turn_tokens == 1) return drawn;

  request.length.max_tokens = plan.max_turn_tokens - 1;
  request.stop.strings.emplace_back("\n");
  const Drawn rest = conversation.draw(std::move(request), sink);
  conversation.append(rest.sample.text);
  sample.text += rest.sample.text;
  sample.tokens.insert(sample.tokens.end(), rest.sample.tokens.begin(), rest.sample.tokens.end());
  sample.sum_logprob += rest.sample.sum_logprob;
  sample.mean_logprob = sample.sum_logprob / static_cast<double>(sample.tokens.size());
  sample.finish_reason = rest.sample.finish_reason;
  if (drawn.speculation && rest.speculation) *drawn.speculation += *rest.speculation;
  return drawn;
}

std::string turn_json(const Plan& plan, std::int32_t turn, const std::string& speaker, const Drawn& drawn) {
  const Sample& sample = drawn.sample;
  nlohmann::ordered_json json{{"turn", turn},
                              {"speaker", speaker},
                              {"text", sample.text},
                              {"tokens", sample.tokens},
                              {"finish_reason", std::string(to_string(sample.finish_reason))},
                              {"mean_logprob", sample.mean_logprob},
                              {"seed", plan.seed}};
  if (drawn.speculation) json["speculation"] = speculation_json(*drawn.speculation);
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::uint64_t random_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

}  // namespace

int run_dialogue(CommandLine& line) {
  const Settings& settings = line.settings;
  Plan plan;
  plan.speakers = settings.speakers.value_or(std::vector<std::string>{"Alice", "Bob"});
  plan.turns = settings.turns.value_or(plan.turns);
  plan.max_turn_tokens = settings.max_turn_tokens.value_or(plan.max_turn_tokens);
  plan.seed = settings.seed ? *settings.seed : random_seed();
  check_plan(line, plan);

  std::string opening = settings.prompt || settings.prompt_file ? prompt_text(settings) : std::string();
  if (!opening.empty() && !opening.ends_with('\n')) opening += '\n';
  OutputSink sink(settings.output_file.value_or(""));
  Generator generator = open_generator(line, 1);
  report_note(!settings.is_verbose(), "seed " + std::to_string(plan.seed));

  const bool json = settings.is_jsonl();
  const bool streams = !json && sink.is_stdout() && settings.stream.value_or(sink.is_terminal());
  const auto show = [&](std::string_view text) {
    if (json) return;
    sink.write(text);
    if (streams) sink.flush();
  };
  Conversation conversation(generator);
  conversation.append(opening);
  if (settings.echo.value_or(true)) show(opening);
  for (std::int32_t turn = 0; turn < plan.turns && noted_signal() == 0; ++turn) {
    const std::string& speaker = plan.speakers[static_cast<std::size_t>(turn) % plan.speakers.size()];
    show(speaker + ": ");
    conversation.append(speaker + ": ");
    const Drawn drawn = draw_turn(conversation, settings, plan, turn, show);
    conversation.append("\n");
    show("\n");
    if (json) sink.write(turn_json(plan, turn, speaker, drawn));
  }
  sink.commit();
  report_speculation(settings, generator);
  constexpr int kSignalBase = 128;
  return noted_signal() == 0 ? kExitSuccess : kSignalBase + noted_signal();
}

}  // namespace fllm::cli
