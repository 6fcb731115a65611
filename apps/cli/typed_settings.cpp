// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/typed_settings.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "apps/cli/requests.h"
#include "apps/cli/settings_json.h"
#include "apps/cli/text.h"
#include "fundamentallm/names.h"

namespace fllm::cli {

namespace {

using Json = nlohmann::json;

/// The length of the JSON string at the start of a text; 0 when it has no end.
std::size_t string_length(std::string_view text) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') return i + 1;
    if (text[i] == '\\') ++i;
  }
  return 0;
}

/// "." ! "a b" as three words. Empty where a JSON string is none.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  while (!(text = trimmed(text)).empty()) {
    const bool is_json = text.front() == '"';
    const std::size_t end = is_json ? string_length(text) : std::min(text.find_first_of(" \t"), text.size());
    if (end == 0) return {};
    const Json word = is_json ? Json::parse(text.substr(0, end), nullptr, false) : Json(text.substr(0, end));
    if (word.is_discarded()) return {};
    words.push_back(word.get<std::string>());
    text.remove_prefix(end);
  }
  return words;
}

void assign(Settings& settings, const Setting& setting, std::string_view value, std::vector<std::string>& violations) {
  const std::string label(setting.name);
  const auto refuse = [&](const char* allowed) {
    violations.push_back(label + ": " + in_quotes(value) + ": " + allowed + " is allowed");
  };
  const bool is_json = value.starts_with('"') && value.size() > 1 && value.ends_with('"');
  if (value.empty()) {
    std::visit([&](auto member) { (settings.*member).reset(); }, setting.field);
  } else if (is_list(setting) && value.starts_with('[')) {
    const Json list = Json::parse(value, nullptr, false);
    if (list.is_discarded()) return refuse("words or a JSON array");
    assign_json(settings, setting, list, violations);
  } else if (is_list(setting)) {
    const std::vector<std::string> words = words_of(value);
    if (words.empty()) return refuse("words, JSON strings or a JSON array");
    assign_text(settings, setting, words, label, violations);
  } else if (is_json) {
    const Json text = Json::parse(value, nullptr, false);
    if (text.is_discarded()) return refuse("a text or a JSON string");
    assign_json(settings, setting, text, violations);
  } else {
    assign_text(settings, setting, {std::string(value)}, label, violations);
  }
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

}  // namespace

std::vector<std::string> set_typed(Settings& settings, std::string_view argument) {
  const std::size_t key_end = argument.find_first_of("= \t");
  if (key_end == std::string_view::npos) {
    return {"/set " + in_quotes(argument) + ": KEY=VALUE is allowed, as in /set temperature=0.5"};
  }
  const std::string key(argument.substr(0, key_end));
  std::string_view value = trimmed(argument.substr(key_end));
  if (value.starts_with('=')) value = trimmed(value.substr(1));
  const Setting* setting = find_setting(key);
  if (setting == nullptr || (setting->commands & kInteractive) == 0) {
    const std::string_view close = closest_setting(key, kInteractive);
    return {"/set " + in_quotes(key) + ": no such setting" +
            (close.empty() ? std::string("; /show lists them") : ": did you mean " + std::string(close) + "?")};
  }
  if (!setting->per_request) {
    return {"/set " + in_quotes(key) + ": concerns the whole run: it is allowed on the command line only"};
  }
  std::vector<std::string> violations;
  assign(settings, *setting, value, violations);
  return violations;
}

std::string shown_settings(const Settings& settings) {
  const Request request = make_request(settings, "");
  const SamplingOptions& sampling = request.sampling;
  std::string text;
  const auto show = [&](const char* name, const std::string& value) {
    text.append(name).append(" = ").append(value).append("\n");
  };
  const auto optional_count = [](const std::optional<std::int32_t>& n) { return n ? std::to_string(*n) : "none"; };
  std::vector<std::string> biases;
  for (const LogitBias& bias : sampling.logit_bias) {
    biases.push_back(std::to_string(bias.id) + "=" + shown_number(bias.bias));
  }
  show("chat", settings.chat.value_or(false) ? "on" : "off");
  show("system", settings.system ? in_quotes(*settings.system) : "the template's");
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
  if (request.beam) {
    const BeamOptions& beam = *request.beam;
    const bool profile = beam.profile != BeamProfile::kNone;
    const LengthNorm norm = beam.length_norm.value_or(profile ? LengthNorm::kPower : LengthNorm::kGnmt);
    show("beam-width", std::to_string(beam.width));
    show("length-norm", std::string(to_string(norm)));
    show("length-penalty", shown_number(beam.length_penalty.value_or(profile ? 1.0f : 0.6f)));
    show("beam-stop",
         profile && !beam.stop ? "the profile's" : std::string(to_string(beam.stop.value_or(BeamStopRule::kExact))));
    show("beam-profile", std::string(to_string(beam.profile)));
    show("beam-sample", beam.sample ? "on" : "off");
  }
  if (request.speculation) {
    const std::int32_t drafts = request.speculation->draft_tokens;
    show("speculation", std::string(to_string(request.speculation->rule)));
    show("draft-tokens", drafts > 0 ? std::to_string(drafts) : "auto");
    show("prompt-lookup", std::to_string(request.speculation->prompt_lookup));
  }
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
  return text;
}

}  // namespace fllm::cli
