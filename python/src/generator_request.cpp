// SPDX-License-Identifier: Apache-2.0
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fundamentallm/names.h"
#include "python/src/generator.h"
#include "python/src/python_constraint.h"
#include "python/src/python_text.h"

namespace nb = nanobind;

namespace fllm::python {
namespace {

/// Options by name; each must be asked for, so that one that is misspelt is found.
class Options {
 public:
  explicit Options(const nb::dict& options) : options_(options) {}

  /// Leaves the target alone where the option is missing or None.
  template <class T>
  void get(const char* name, T& target, const char* wanted) {
    known_.emplace_back(name);
    if (!options_.contains(name) || options_[name].is_none()) return;
    if (!nb::try_cast(nb::handle(options_[name]), target)) refuse(name, options_[name], wanted);
  }
  template <class T>
  void get(const char* name, std::optional<T>& target, const char* wanted) {
    T value{};
    get(name, value, wanted);
    if (options_.contains(name) && !options_[name].is_none()) target = value;
  }
  [[nodiscard]] bool has(const char* name) const { return options_.contains(name) && !options_[name].is_none(); }
  /// Null where it is missing or None.
  nb::object object(const char* name) {
    known_.emplace_back(name);
    return has(name) ? nb::borrow(options_[name]) : nb::object();
  }
  /// One text may stand alone.
  void texts(const char* name, std::vector<std::string>& target) {
    std::string alone;
    if (options_.contains(name) && nb::try_cast(nb::handle(options_[name]), alone)) {
      known_.emplace_back(name);
      target = {alone};
    } else {
      get(name, target, "a text, or a list of texts");
    }
  }
  void biases(const char* name, std::vector<LogitBias>& target) {
    known_.emplace_back(name);
    if (!options_.contains(name) || options_[name].is_none()) return;
    nb::dict entries;
    if (!nb::try_cast(nb::handle(options_[name]), entries)) refuse(name, options_[name], "a dict of ids and numbers");
    for (const auto& [key, value] : entries) {
      LogitBias bias;
      if (!nb::try_cast(key, bias.id) || !nb::try_cast(value, bias.bias)) {
        refuse(name, entries, "a dict of ids and numbers");
      }
      target.push_back(bias);
    }
  }
  void refuse_others() const {
    for (const auto& [key, value] : options_) {
      const std::string name = str_of(key);
      bool known = false;
      for (const std::string& other : known_) known = known || other == name;
      if (!known) throw nb::type_error((name + ": there is no such option").c_str());
    }
  }

 private:
  [[noreturn]] static void refuse(const char* name, nb::handle value, const char* wanted) {
    throw nb::type_error((std::string(name) + ": " + repr_of(value) + ": must be " + wanted).c_str());
  }
  const nb::dict& options_;
  std::vector<std::string> known_;
};

constexpr const char* kWhole = "a whole number of 32 bits";
constexpr const char* kNumber = "a number";
constexpr const char* kIds = "a list of token ids";

/// One of the words for an enumeration's values; none: not given.
template <Named T>
std::optional<T> choice_of(Options& options, const char* name) {
  std::optional<std::string> word;
  options.get(name, word, "a text");
  if (!word) return std::nullopt;
  if (const std::optional<T> value = value_named<T>(*word)) return value;
  throw nb::value_error((std::string(name) + ": " + *word + ": one of " + all_names<T>() + " is allowed").c_str());
}

std::optional<BeamOptions> beam_of(Options& options) {
  BeamOptions beam;
  std::optional<std::int32_t> width;
  options.get("beam_width", width, kWhole);
  options.get("num_return", beam.num_return, kWhole);
  beam.length_norm = choice_of<LengthNorm>(options, "length_norm");
  options.get("length_penalty", beam.length_penalty, kNumber);
  beam.stop = choice_of<BeamStopRule>(options, "beam_stop");
  beam.profile = choice_of<BeamProfile>(options, "beam_profile").value_or(BeamProfile::kNone);
  options.get("beam_sample", beam.sample, "True or False");
  options.get("diversity_groups", beam.diversity_groups, kWhole);
  options.get("diversity_penalty", beam.diversity_penalty, kNumber);
  if (!width) {
    for (const char* name : {"num_return", "length_norm", "length_penalty", "beam_stop", "beam_profile", "beam_sample",
                             "diversity_groups", "diversity_penalty"}) {
      if (options.has(name)) {
        throw nb::value_error((std::string(name) + ": given without beam_width: it is a part of beam search").c_str());
      }
    }
    return std::nullopt;
  }
  beam.width = *width;
  return beam;
}

std::optional<SpeculationOptions> speculation_of(Options& options) {
  SpeculationOptions made;
  const std::optional<SpeculationRule> rule = choice_of<SpeculationRule>(options, "speculation");
  options.get("draft_tokens", made.draft_tokens, kWhole);
  options.get("prompt_lookup", made.prompt_lookup, kWhole);
  options.get("draft_forced", made.draft_forced, "True or False");
  if (!rule && made.prompt_lookup == 0 && !made.draft_forced) {
    if (!options.has("draft_tokens")) return std::nullopt;
    throw nb::value_error("draft_tokens: given without speculation, prompt_lookup or draft_forced");
  }
  made.rule = rule.value_or(SpeculationRule::kCoupled);
  return made;
}

/// choices, regex, json_schema (as text), json, speakers and constraint: at most one of them.
void read_constraint(Options& options, ConstraintSource& constraint) {
  ChoicesConstraint choices;
  DialogueConstraint dialogue;
  std::optional<std::string> regex, schema;
  std::optional<std::int32_t> turns;
  bool json = false, any_order = false;
  options.texts("choices", choices.texts);
  options.get("regex", regex, "a text");
  options.get("json_schema", schema, "the text of a JSON Schema");
  options.get("any_order", any_order, "True or False");
  options.get("json", json, "True or False");
  options.texts("speakers", dialogue.speakers);
  options.get("turns", turns, kWhole);
  nb::object custom = options.object("constraint");
  const bool has_choices = options.has("choices"), has_speakers = options.has("speakers");  // if only an empty list
  const int given = int{has_choices} + int{regex.has_value()} + int{schema.has_value()} + int{json} +
                    int{has_speakers} + int{custom.is_valid()};
  if (given > 1) {
    throw nb::value_error("choices, regex, json_schema, json, speakers, constraint: only one of them is allowed");
  }
  if (any_order && !schema) throw nb::value_error("any_order: given without json_schema");
  if (turns && !has_speakers) throw nb::value_error("turns: given without speakers");
  if (has_choices) constraint = std::move(choices);
  if (regex) constraint = RegexConstraint{std::move(*regex)};
  if (schema) constraint = JsonSchemaConstraint{std::move(*schema), any_order};
  if (json) constraint = JsonConstraint{};
  if (has_speakers) {
    dialogue.turns = turns.value_or(dialogue.turns);
    constraint = std::move(dialogue);
  }
  if (custom.is_valid()) {
    constraint = CustomConstraint{std::make_shared<const PythonConstraint>(std::move(custom))};
  }
}

}  // namespace

Request request_of(const nb::handle& prompt, const nb::dict& given) {
  Request request;
  std::string text;
  std::vector<TokenId> ids;
  if (nb::try_cast(prompt, text)) {
    request.prompt = std::move(text);
  } else if (nb::try_cast(prompt, ids)) {
    request.prompt = std::move(ids);
  } else {
    throw nb::type_error(
        (std::string("prompt: ") + repr_of(prompt) + ": must be a text or a list of token ids").c_str());
  }
  Options options(given);
  options.get("num_samples", request.num_samples, kWhole);
  options.get("logprobs", request.logprobs, kWhole);
  options.get("truncate_prompt", request.truncate_prompt, "True or False");
  options.get("temperature", request.sampling.temperature, kNumber);
  options.get("top_k", request.sampling.top_k, kWhole);
  options.get("top_p", request.sampling.top_p, kNumber);
  options.get("min_p", request.sampling.min_p, kNumber);
  options.get("repetition_penalty", request.sampling.repetition_penalty, kNumber);
  options.get("frequency_penalty", request.sampling.frequency_penalty, kNumber);
  options.get("presence_penalty", request.sampling.presence_penalty, kNumber);
  options.get("penalty_window", request.sampling.penalty_window, kWhole);
  options.biases("logit_bias", request.sampling.logit_bias);
  options.get("seed", request.sampling.seed, "a whole number, 0 to 2^64-1");
  options.get("max_tokens", request.length.max_tokens, kWhole);
  options.get("max_length", request.length.max_length, kWhole);
  options.get("min_tokens", request.length.min_tokens, kWhole);
  options.get("min_length", request.length.min_length, kWhole);
  options.texts("stop", request.stop.strings);
  options.get("stop_ids", request.stop.token_ids, kIds);
  options.get("keep_stop", request.stop.keep_stop, "True or False");
  options.get("prefix", request.control.prefix, "a text");
  options.texts("banned_text", request.control.banned_text);
  options.get("banned_ids", request.control.banned_token_ids, kIds);
  request.beam = beam_of(options);
  request.speculation = speculation_of(options);
  read_constraint(options, request.control.constraint);
  options.refuse_others();
  return request;
}

}  // namespace fllm::python
