// SPDX-License-Identifier: Apache-2.0
#include "apps/server/completion_request.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "apps/json/chat_messages.h"
#include "apps/json/json_object.h"
#include "apps/server/api_error.h"
#include "apps/server/beam_fields.h"
#include "apps/server/field_reader.h"
#include "apps/server/named_choice.h"
#include "apps/server/ordered_part.h"
#include "apps/server/prompts.h"
#include "apps/server/speculation_fields.h"

namespace fllm::server {

namespace {

using Json = nlohmann::json;

constexpr unsigned kText = static_cast<unsigned>(Endpoint::kCompletions);
constexpr unsigned kTalk = static_cast<unsigned>(Endpoint::kChat);
constexpr unsigned kBoth = kText | kTalk;

/// A body that is being read.
struct Reading {
  CompletionRequest request;
  FieldReader fields;
  std::optional<std::int32_t> max_tokens, best_of, top_logprobs;
  bool wants_logprobs = false;  // of a chat
  BeamFields beams;
  std::string_view body;  // its text
  SpeculationFields speculation;
};

struct BodyField {
  std::string_view name;
  unsigned endpoints;
  void (*read)(const std::string& name, const Json& value, Reading& reading);
};

template <auto Part, auto Member>
void read_option(const std::string& name, const Json& value, Reading& reading) {
  reading.fields.read(name, value, reading.request.options.*Part.*Member);
}

template <auto Member>
void read_request(const std::string& name, const Json& value, Reading& reading) {
  reading.fields.read(name, value, reading.request.*Member);
}

template <auto Member>
void read_request_option(const std::string& name, const Json& value, Reading& reading) {
  reading.fields.read(name, value, reading.request.options.*Member);
}

template <auto Member>
void read_other(const std::string& name, const Json& value, Reading& reading) {
  reading.fields.read(name, value, reading.*Member);
}

/// A part of beam search.
template <auto Member>
void read_beam(const std::string& name, const Json& value, Reading& reading) {
  reading.beams.part = name;
  reading.fields.read(name, value, reading.beams.options.*Member);
}

template <auto Read>
void read_named_beam(const std::string& name, const Json& value, Reading& reading) {
  reading.beams.part = name;
  Read(name, value, reading.beams, reading.fields);
}

template <auto Read>
void read_speculation(const std::string& name, const Json& value, Reading& reading) {
  Read(name, value, reading.speculation, reading.fields);
}

template <auto Member>
void read_speculation_field(const std::string& name, const Json& value, Reading& reading) {
  reading.fields.read(name, value, reading.speculation.*Member);
}

template <auto Member>
void read_search(const std::string& name, const Json& value, Reading& reading) {
  reading.fields.read(name, value, reading.beams.*Member);
}

void read_prompt(const std::string& /*name*/, const Json& value, Reading& reading) {
  reading.request.prompts = read_prompts(value, reading.fields);
}

void read_conversation(const std::string& /*name*/, const Json& value, Reading& reading) {
  reading.request.prompts = {apps::read_messages(
      value, [&](const std::string& field, const std::string& message) { reading.fields.refuse(field, message); })};
}

void read_max_tokens(const std::string& name, const Json& value, Reading& reading) {
  std::int32_t tokens = 0;
  reading.fields.read(name, value, tokens);
  if (reading.max_tokens && *reading.max_tokens != tokens) {
    reading.fields.refuse(name, "max_tokens and max_completion_tokens: they differ: one of them is enough");
  }
  reading.max_tokens = tokens;
}

void read_stream_options(const std::string& name, const Json& value, Reading& reading) {
  if (!value.is_object()) return reading.fields.refuse(name, value, "an object");
  for (const auto& [key, item] : value.items()) {
    std::string field = name;
    field.append(".").append(key);
    if (key == "include_usage") {
      reading.fields.read(field, item, reading.request.include_usage);
    } else if (key != "include_obfuscation") {
      reading.fields.refuse(name, field.append(": unknown field"));
    }
  }
}

void set_constraint(ConstraintSource source, Reading& reading) {
  ConstraintSource& constraint = reading.request.options.control.constraint;
  if (constraint.index() != 0) {
    reading.fields.refuse("response_format", "response_format, regex and choices: only one of them is allowed");
  }
  constraint = std::move(source);
}

void refuse_other_fields(const std::string& name, const Json& object, std::initializer_list<std::string_view> known,
                         Reading& reading) {
  for (const auto& [key, item] : object.items()) {
    if (std::ranges::find(known, key) != known.end()) continue;
    std::string field = name;
    reading.fields.refuse(name, field.append(".").append(key).append(": unknown field"));
  }
}

void read_response_format(const std::string& name, const Json& value, Reading& reading) {
  const Json nothing;
  const Json& type = value.contains("type") ? value["type"] : value;  // what is no object contains nothing
  const Json& schema = value.contains("json_schema") ? value["json_schema"] : nothing;
  if (value.is_object()) refuse_other_fields(name, value, {"type", "json_schema"}, reading);
  if (schema.is_object()) {
    refuse_other_fields(name + ".json_schema", schema, {"name", "description", "strict", "schema"}, reading);
  }
  if (type != "json_schema" && !schema.is_null()) {
    reading.fields.refuse(name, name + ".json_schema: given without the type json_schema");
  }
  if (type == "json_object") {
    set_constraint(JsonSchemaConstraint{R"({"type":"object"})"}, reading);
  } else if (type == "json_schema") {
    if (!schema.contains("schema")) {
      return reading.fields.refuse(name, name + ".json_schema.schema: a JSON Schema is needed");
    }
    set_constraint(JsonSchemaConstraint{ordered_part(reading.body, {name, "json_schema", "schema"})}, reading);
  } else if (type != "text") {
    reading.fields.refuse(name, type, "{\"type\": \"text\"}, json_object or json_schema");
  }
}

void read_regex(const std::string& name, const Json& value, Reading& reading) {
  RegexConstraint regex;
  reading.fields.read(name, value, regex.pattern);
  set_constraint(std::move(regex), reading);
}

void read_choices(const std::string& name, const Json& value, Reading& reading) {
  ChoicesConstraint choices;
  reading.fields.read(name, value, choices.texts);
  set_constraint(std::move(choices), reading);
}

void read_tool_choice(const std::string& name, const Json& value, Reading& reading) {
  if (value != "none" && value != "auto") reading.fields.refuse(name, value, "none or auto, since there are no tools,");
}

void read_modalities(const std::string& name, const Json& value, Reading& reading) {
  if (value != Json::array({"text"})) reading.fields.refuse(name, value, "[\"text\"]");
}

void read_suffix(const std::string& name, const Json& value, Reading& reading) {
  const bool is_empty = value.is_string() && value.get_ref<const std::string&>().empty();
  if (!is_empty) reading.fields.refuse(name, name + ": not supported: the text goes on from its prompt alone");
}

void refuse_field(const std::string& name, const Json& value, Reading& reading) {
  const bool is_empty = value == false || (value.is_structured() && value.empty());
  if (!is_empty) reading.fields.refuse(name, name + ": not supported");
}

void ignore_field(const std::string& /*name*/, const Json& /*value*/, Reading& /*reading*/) {}

using Q = CompletionRequest;
using R = Request;
using S = SamplingOptions;
using L = LengthOptions;
using E = StopOptions;
using C = ControlOptions;
using B = BeamOptions;

constexpr std::array kFields{
    BodyField{"model", kBoth, read_request<&Q::model>},
    BodyField{"prompt", kText, read_prompt},
    BodyField{"messages", kTalk, read_conversation},
    BodyField{"n", kBoth, read_request_option<&R::num_samples>},
    BodyField{"best_of", kText, read_other<&Reading::best_of>},
    BodyField{"echo", kText, read_request<&Q::echo>},
    BodyField{"truncate_prompt", kBoth, read_request_option<&R::truncate_prompt>},
    BodyField{"temperature", kBoth, read_option<&R::sampling, &S::temperature>},
    BodyField{"top_p", kBoth, read_option<&R::sampling, &S::top_p>},
    BodyField{"top_k", kBoth, read_option<&R::sampling, &S::top_k>},
    BodyField{"min_p", kBoth, read_option<&R::sampling, &S::min_p>},
    BodyField{"repetition_penalty", kBoth, read_option<&R::sampling, &S::repetition_penalty>},
    BodyField{"frequency_penalty", kBoth, read_option<&R::sampling, &S::frequency_penalty>},
    BodyField{"presence_penalty", kBoth, read_option<&R::sampling, &S::presence_penalty>},
    BodyField{"penalty_window", kBoth, read_option<&R::sampling, &S::penalty_window>},
    BodyField{"logit_bias", kBoth, read_option<&R::sampling, &S::logit_bias>},
    BodyField{"seed", kBoth, read_option<&R::sampling, &S::seed>},
    BodyField{"max_tokens", kBoth, read_max_tokens},
    BodyField{"max_completion_tokens", kTalk, read_max_tokens},
    BodyField{"max_length", kBoth, read_option<&R::length, &L::max_length>},
    BodyField{"min_tokens", kBoth, read_option<&R::length, &L::min_tokens>},
    BodyField{"min_length", kBoth, read_option<&R::length, &L::min_length>},
    BodyField{"stop", kBoth, read_option<&R::stop, &E::strings>},
    BodyField{"stop_token_ids", kBoth, read_option<&R::stop, &E::token_ids>},
    BodyField{"keep_stop", kBoth, read_option<&R::stop, &E::keep_stop>},
    BodyField{"prefix", kBoth, read_option<&R::control, &C::prefix>},
    BodyField{"ban", kBoth, read_option<&R::control, &C::banned_text>},
    BodyField{"ban_token_ids", kBoth, read_option<&R::control, &C::banned_token_ids>},
    BodyField{"use_beam_search", kBoth, read_search<&BeamFields::use_beam_search>},
    BodyField{"beam_width", kBoth, read_search<&BeamFields::beam_width>},
    BodyField{"length_norm", kBoth, read_named_beam<read_length_norm>},
    BodyField{"length_penalty", kBoth, read_beam<&B::length_penalty>},
    BodyField{"beam_stop", kBoth, read_named_beam<read_beam_stop>},
    BodyField{"beam_profile", kBoth, read_named_beam<read_beam_profile>},
    BodyField{"beam_sample", kBoth, read_beam<&B::sample>},
    BodyField{"diversity_groups", kBoth, read_beam<&B::diversity_groups>},
    BodyField{"diversity_penalty", kBoth, read_beam<&B::diversity_penalty>},
    BodyField{"logprobs", kText, read_request_option<&R::logprobs>},
    BodyField{"logprobs", kTalk, read_other<&Reading::wants_logprobs>},
    BodyField{"top_logprobs", kTalk, read_other<&Reading::top_logprobs>},
    BodyField{"stream", kBoth, read_request<&Q::stream>},
    BodyField{"stream_options", kBoth, read_stream_options},
    BodyField{"response_format", kBoth, read_response_format},
    BodyField{"regex", kBoth, read_regex},
    BodyField{"choices", kBoth, read_choices},
    BodyField{"speculation", kBoth, read_speculation<read_rule>},
    BodyField{"draft_tokens", kBoth, read_speculation<read_draft_tokens>},
    BodyField{"prompt_lookup", kBoth, read_speculation_field<&SpeculationFields::prompt_lookup>},
    BodyField{"draft_forced", kBoth, read_speculation_field<&SpeculationFields::draft_forced>},
    BodyField{"modalities", kTalk, read_modalities},
    BodyField{"suffix", kText, read_suffix},
    BodyField{"tool_choice", kTalk, read_tool_choice},
    BodyField{"function_call", kTalk, read_tool_choice},
    BodyField{"tools", kTalk, refuse_field},
    BodyField{"functions", kTalk, refuse_field},
    BodyField{"audio", kTalk, refuse_field},
    BodyField{"reasoning_effort", kTalk, refuse_field},
    BodyField{"verbosity", kTalk, refuse_field},
    BodyField{"web_search_options", kTalk, refuse_field},
    // Of the service, not of the text.
    BodyField{"user", kBoth, ignore_field},
    BodyField{"metadata", kBoth, ignore_field},
    BodyField{"store", kBoth, ignore_field},
    BodyField{"service_tier", kBoth, ignore_field},
    BodyField{"safety_identifier", kBoth, ignore_field},
    BodyField{"prompt_cache_key", kBoth, ignore_field},
    BodyField{"prompt_cache_retention", kBoth, ignore_field},
    BodyField{"parallel_tool_calls", kTalk, ignore_field},
    BodyField{"prediction", kTalk, ignore_field},
};

void read_body(const Json& body, unsigned endpoint, Reading& reading) {
  for (const auto& [name, value] : body.items()) {
    const auto* field = std::find_if(kFields.begin(), kFields.end(), [&, &key = name](const BodyField& f) {
      return f.name == key && (f.endpoints & endpoint) != 0;
    });
    if (field == kFields.end()) {
      constexpr std::size_t kMaxName = 64;
      reading.fields.refuse(name, name.substr(0, kMaxName) + ": unknown field");
    } else if (!value.is_null()) {  // null is what a client sends for "not given"
      field->read(name, value, reading);
    }
  }
}

void settle_tokens(Reading& reading, const RequestLimits& limits) {
  constexpr std::int32_t kCompletionDefault = 16;  // OpenAI's
  const std::int32_t limit = limits.max_tokens > 0 ? limits.max_tokens : limits.context;
  std::int32_t& tokens = reading.request.options.length.max_tokens;
  if (reading.max_tokens) {
    tokens = *reading.max_tokens;
    if (limits.max_tokens > 0 && tokens > limit) {
      reading.fields.refuse("max_tokens", "max_tokens: " + std::to_string(tokens) + ": must be at most " +
                                              std::to_string(limit) + ", the limit of this server");
    }
  } else {
    tokens = reading.request.is_chat() ? limit : std::min(kCompletionDefault, limit);
    tokens = std::max(tokens, std::min(reading.request.options.length.min_tokens, limit));
  }
}

void settle_logprobs(Reading& reading) {
  CompletionRequest& request = reading.request;
  if (request.is_chat()) {
    if (reading.top_logprobs && !reading.wants_logprobs) {
      reading.fields.refuse("top_logprobs", "top_logprobs: given without logprobs: true");
    } else if (reading.top_logprobs && *reading.top_logprobs < 0) {
      reading.fields.refuse("top_logprobs",
                            "top_logprobs: " + std::to_string(*reading.top_logprobs) + ": must be in [0, 32]");
    }
    request.options.logprobs = reading.wants_logprobs ? reading.top_logprobs.value_or(0) : -1;
  }
  if (request.echo && request.options.logprobs >= 0) {
    reading.fields.refuse("echo", "echo: given with logprobs: those of a prompt are not computed");
  }
}

void settle_samples(Reading& reading, std::int32_t limit) {
  const CompletionRequest& request = reading.request;
  const bool searches = request.options.beam.has_value();
  const std::int32_t samples = searches ? request.options.beam->width : request.options.num_samples;
  if (reading.best_of && *reading.best_of != samples) {
    reading.fields.refuse("best_of", "best_of: " + std::to_string(*reading.best_of) + ": must be n, " +
                                         std::to_string(samples) + ": every sample is returned");
  }
  if (samples > 0 && request.row_count() > limit) {
    const std::string field = searches ? "beam_width" : "n";
    reading.fields.refuse(field, field + ": " + std::to_string(request.prompts.size()) + " prompts with " +
                                     std::to_string(samples) + (searches ? " beams" : " samples") +
                                     " each: this server takes " + std::to_string(limit) + " samples at most");
  }
}

/// Those of the options, and of prompts of token ids.
void refuse_bad_values(Reading& reading, std::int32_t vocab_size) {
  const auto refuse = [&](const Request& request) {
    for (const std::string& violation : violations(request, vocab_size)) {
      std::string field;
      const std::string message = renamed_field(violation, field);
      reading.fields.refuse(field, message);
    }
  };
  refuse(reading.request.options);
  Request alone;  // nothing is wrong with it but its prompt
  for (Prompt& prompt : reading.request.prompts) {
    std::swap(alone.prompt, prompt);
    refuse(alone);
    std::swap(alone.prompt, prompt);
  }
}

/// ApiError 400 for what is no object within the limits.
Json parse_body(std::string_view body) {
  try {
    return apps::parse_object({body, "the body", "an object"});
  } catch (const apps::JsonRefusal& refusal) {
    const std::string& key = refusal.key();
    throw ApiError(400, key.empty() ? refusal.what() : key + ": " + refusal.what(), key);
  }
}

}  // namespace

CompletionRequest parse_completion(Endpoint endpoint, std::string_view body, const RequestLimits& limits) {
  Reading reading;
  reading.request.endpoint = endpoint;
  reading.body = body;
  const Json parsed = parse_body(body);
  read_body(parsed, static_cast<unsigned>(endpoint), reading);
  const char* needed = endpoint == Endpoint::kChat ? "messages" : "prompt";
  if (!parsed.contains(needed) || parsed[needed].is_null()) {
    reading.fields.refuse(needed, std::string(needed) + ": it is needed");
  }
  settle_tokens(reading, limits);
  settle_logprobs(reading);
  settle_beams(reading.beams, reading.best_of, reading.request.options, reading.fields);
  settle_samples(reading, limits.max_samples);
  settle_speculation(reading.speculation, limits.speculation, limits.has_draft_model, reading.request.options);
  refuse_bad_values(reading, limits.vocab_size);
  reading.fields.check();
  return std::move(reading.request);
}

}  // namespace fllm::server
