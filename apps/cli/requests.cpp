// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/requests.h"

#include <algorithm>
#include <utility>

#include "apps/cli/constraints.h"
#include "apps/cli/errors.h"
#include "apps/cli/line_reader.h"
#include "apps/cli/text.h"
#include "fundamentallm/names.h"

namespace fllm::cli {

namespace {

constexpr std::size_t kMaxPromptBytes = std::size_t{64} << 20;

template <class T>
void overlay(T& target, const std::optional<T>& value) {
  if (value) target = *value;
}

/// The setting the library knows by this name; null when there is none.
const Setting* setting_of(std::string_view name) {
  if (name == "stop_strings") return find_setting("stop-tokens");
  if (name == "banned_text") return find_setting("ban");
  if (name == "banned_token_ids") return find_setting("ban-token-ids");
  return find_setting(name);
}

/// "min_tokens: 5: must be at most max_tokens, 3" as "--min-tokens: 5: must be at most --max-tokens, 3".
std::string renamed(std::string_view violation, bool label_flags) {
  constexpr std::string_view kNameCharacters = "abcdefghijklmnopqrstuvwxyz_";
  const std::string prefix = label_flags ? "--" : "";
  std::string out;
  bool in_text = false;  // what a user wrote stays as it is
  for (std::size_t i = 0; i < violation.size();) {
    const std::size_t length = std::min(violation.find_first_not_of(kNameCharacters, i), violation.size()) - i;
    const std::size_t step = violation[i] == '\\' ? 2 : 1;  // an escaped quote ends no text
    const std::string_view word = violation.substr(i, std::max(length, step));
    const bool is_label = i == 0 && violation.substr(length).starts_with(':');
    const bool is_name = !in_text && word.find('_') != std::string_view::npos;
    const Setting* setting = is_label || is_name ? setting_of(word) : nullptr;
    out += setting != nullptr ? prefix + std::string(setting->name) : std::string(word);
    in_text = in_text != (word == "\"");
    i += word.size();
  }
  return out;
}

}  // namespace

SamplingOptions sampling_options(const Settings& settings) {
  const bool draws = !settings.beam_width || settings.beam_sample.value_or(false) || settings.preset;
  SamplingOptions sampling =
      draws ? sampling_preset(settings.preset.value_or("default")).value_or(SamplingOptions{}) : SamplingOptions{};
  overlay(sampling.temperature, settings.temperature);
  overlay(sampling.top_k, settings.top_k);
  overlay(sampling.top_p, settings.top_p);
  overlay(sampling.min_p, settings.min_p);
  overlay(sampling.repetition_penalty, settings.repetition_penalty);
  overlay(sampling.frequency_penalty, settings.frequency_penalty);
  overlay(sampling.presence_penalty, settings.presence_penalty);
  overlay(sampling.penalty_window, settings.penalty_window);
  overlay(sampling.logit_bias, settings.logit_bias);
  sampling.seed = settings.seed;
  return sampling;
}

std::optional<SpeculationOptions> speculation_options(const Settings& settings) {
  SpeculationOptions speculation;
  overlay(speculation.prompt_lookup, settings.prompt_lookup);
  overlay(speculation.draft_forced, settings.draft_forced);
  const std::optional<SpeculationRule> rule =  // "off" is none
      settings.speculation ? value_named<SpeculationRule>(*settings.speculation) : speculation.rule;
  const bool guesses = settings.draft_model || speculation.prompt_lookup != 0 || speculation.draft_forced;
  if (!guesses || !rule) return std::nullopt;
  speculation.rule = *rule;
  overlay(speculation.draft_tokens, settings.draft_tokens);
  return speculation;
}

namespace {

std::optional<BeamOptions> beam_options(const Settings& settings) {
  if (!settings.beam_width) return std::nullopt;
  BeamOptions beam;
  beam.width = *settings.beam_width;
  overlay(beam.num_return, settings.num_return);
  if (settings.length_norm) beam.length_norm = value_named<LengthNorm>(*settings.length_norm);
  beam.length_penalty = settings.length_penalty;
  if (settings.beam_stop) beam.stop = value_named<BeamStopRule>(*settings.beam_stop);
  if (settings.beam_profile) beam.profile = value_named<BeamProfile>(*settings.beam_profile).value_or(beam.profile);
  overlay(beam.sample, settings.beam_sample);
  overlay(beam.diversity_groups, settings.diversity_groups);
  overlay(beam.diversity_penalty, settings.diversity_penalty);
  return beam;
}

ControlOptions control_options(const Settings& settings) {
  ControlOptions control;
  overlay(control.prefix, settings.prefix);
  overlay(control.banned_text, settings.ban);
  overlay(control.banned_token_ids, settings.ban_token_ids);
  control.constraint = constraint_of(settings);
  for (std::string& character : code_points(settings.ban_chars.value_or(""))) {
    control.banned_text.push_back(std::move(character));
  }
  return control;
}

Request without_prompt(const Settings& settings) {
  Request request;
  overlay(request.num_samples, settings.num_samples);
  overlay(request.logprobs, settings.logprobs);
  overlay(request.truncate_prompt, settings.truncate_prompt);
  request.sampling = sampling_options(settings);
  overlay(request.length.max_tokens, settings.max_tokens);
  request.length.max_length = settings.max_length;
  overlay(request.length.min_tokens, settings.min_tokens);
  request.length.min_length = settings.min_length;
  overlay(request.stop.strings, settings.stop_tokens);
  overlay(request.stop.token_ids, settings.stop_token_ids);
  overlay(request.stop.keep_stop, settings.keep_stop);
  request.beam = beam_options(settings);
  request.speculation = speculation_options(settings);
  request.control = control_options(settings);
  return request;
}

}  // namespace

Request make_request(const Settings& settings, std::string prompt) {
  if (settings.chat.value_or(false)) {
    return make_request(settings, std::vector<ChatMessage>{{ChatRole::kUser, std::move(prompt)}});
  }
  Request request = without_prompt(settings);
  request.prompt = std::move(prompt);
  return request;
}

bool can_force(const Settings& settings) { return control_options(settings).can_force(); }

Request make_request(const Settings& settings, std::vector<ChatMessage> messages) {
  Request request = without_prompt(settings);
  if (settings.system && messages.front().role != ChatRole::kSystem) {
    messages.insert(messages.begin(), {ChatRole::kSystem, *settings.system});
  }
  request.prompt = std::move(messages);
  return request;
}

std::vector<std::string> with_flag_names(const std::string& message, bool label_flags) {
  std::vector<std::string> lines;
  for (std::size_t start = 0; start <= message.size();) {
    const std::size_t end = std::min(message.find('\n', start), message.size());
    lines.push_back(renamed(message.substr(start, end - start), label_flags));
    start = end + 1;
  }
  return lines;
}

std::vector<std::string> request_violations(const Request& request, bool label_flags) {
  std::vector<std::string> found = violations(request);
  for (std::string& violation : found) violation = renamed(violation, label_flags);
  return found;
}

std::string prompt_text(const Settings& settings) {
  std::string name;
  std::string text;
  if (settings.prompt && *settings.prompt != "-") {
    text = *settings.prompt;
  } else {
    const std::string path = settings.prompt ? "-" : *settings.prompt_file;
    name = path == "-" ? "stdin" : path;
    text = read_all(open_input(path).get(), name, kMaxPromptBytes);
    name = in_quotes(name);
  }
  if (const auto offset = invalid_utf8_offset(text)) {
    throw Exception(ErrorCode::kInvalidArgument, (name.empty() ? "--prompt" : name) + ": byte " +
                                                     std::to_string(*offset) +
                                                     " is not valid UTF-8: UTF-8 text is allowed");
  }
  return text;
}

void check_system(const Settings& settings, std::vector<std::string>& violations) {
  if (settings.system && !settings.chat.value_or(false)) {
    violations.emplace_back("--system: given without --chat: it is a part of a conversation");
  }
}

void check_beams(const Settings& settings, bool label_flags, std::vector<std::string>& violations) {
  if (settings.beam_width) return;
  const auto check_name = [&](const char* name, bool is_given) {
    const std::string dashes = label_flags ? "--" : "";
    if (is_given)
      violations.push_back(dashes + name + ": given without " + dashes + "beam-width: it is a part of beam search");
  };
  check_name("num-return", settings.num_return.has_value());
  check_name("length-norm", settings.length_norm.has_value());
  check_name("length-penalty", settings.length_penalty.has_value());
  check_name("beam-stop", settings.beam_stop.has_value());
  check_name("beam-profile", settings.beam_profile.has_value());
  check_name("beam-sample", settings.beam_sample.has_value());
  check_name("diversity-groups", settings.diversity_groups.has_value());
  check_name("diversity-penalty", settings.diversity_penalty.has_value());
}

void check_speculation(const Settings& settings, bool label_flags, std::vector<std::string>& violations) {
  if (settings.draft_model && settings.draft_model->empty()) {
    violations.emplace_back("--draft-model: '': a file or a folder is needed");
  }
  if (settings.draft_model || settings.prompt_lookup.value_or(0) != 0 || settings.draft_forced.value_or(false)) return;
  const std::string dashes = label_flags ? "--" : "";
  const auto check_name = [&](const char* name, bool is_given) {
    if (!is_given) return;
    violations.push_back(dashes + name + ": given without --draft-model, " + dashes + "prompt-lookup or " + dashes +
                         "draft-forced: there is nothing to guess from");
  };
  check_name("draft-tokens", settings.draft_tokens.has_value());
  check_name("speculation", settings.speculation && value_named<SpeculationRule>(*settings.speculation));
}

void check_files(const Settings& settings, bool needed, std::vector<std::string>& violations) {
  const auto check_name = [&](const char* flag, const std::optional<std::string>& name) {
    if (name && name->empty()) violations.push_back(std::string(flag) + ": '': the name of a file is needed");
  };
  check_name("--prompt-file", settings.prompt_file);
  check_name("--input", settings.input);
  check_name("--output-file", settings.output_file);
  std::vector<std::string> given;
  if (settings.prompt) given.emplace_back("--prompt");
  if (settings.prompt_file) given.emplace_back("--prompt-file");
  if (settings.input) given.emplace_back("--input");
  if (given.size() > 1) {
    violations.push_back(joined(given, " and ") + ": given together: only one of them is allowed");
  } else if (given.empty() && needed) {
    violations.emplace_back(
        "no prompt: give --prompt TEXT, --prompt-file FILE, --input FILE.jsonl, or - to read the prompt from stdin");
  }
}

}  // namespace fllm::cli
