// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/constraints.h"

#include <algorithm>
#include <cstddef>
#include <initializer_list>

#include "apps/cli/line_reader.h"
#include "apps/cli/text.h"

namespace fllm::cli {

namespace {

constexpr std::size_t kMaxSchemaFile = std::size_t{1} << 20;

std::vector<std::string> given_constraints(const Settings& settings, const std::string& dashes) {
  std::vector<std::string> given;
  if (settings.choices) given.push_back(dashes + "choices");
  if (settings.regex) given.push_back(dashes + "regex");
  if (settings.json_schema) given.push_back(dashes + "json-schema");
  if (settings.json.value_or(false)) given.push_back(dashes + "json");
  if (settings.grammar) given.push_back(dashes + "grammar");
  return given;
}

bool is_one_of(std::string_view key, std::initializer_list<std::string_view> names) {
  const Setting* setting = find_setting(key);
  return setting != nullptr && std::find(names.begin(), names.end(), setting->name) != names.end();
}

}  // namespace

ConstraintSource constraint_of(const Settings& settings) {
  if (settings.choices) return ChoicesConstraint{*settings.choices};
  if (settings.regex) return RegexConstraint{*settings.regex};
  if (settings.json_schema) {
    return JsonSchemaConstraint{settings.json_schema_text.value_or(""), settings.any_order.value_or(false)};
  }
  if (settings.json.value_or(false)) return JsonConstraint{};
  if (settings.grammar) {
    DialogueConstraint dialogue{settings.speakers.value_or(std::vector<std::string>{"Alice", "Bob"})};
    dialogue.turns = settings.turns.value_or(dialogue.turns);
    return dialogue;
  }
  return {};
}

void check_constraint(const Settings& settings, bool label_flags, std::vector<std::string>& violations) {
  const std::string dashes = label_flags ? "--" : "";
  const std::vector<std::string> given = given_constraints(settings, dashes);
  if (given.size() > 1) {
    violations.push_back(joined(given, " and ") + ": given together: only one of them is allowed");
  }
  if (settings.json_schema && settings.json_schema->empty()) {
    violations.push_back(dashes + "json-schema: '': the name of a file is needed");
  }
  const auto check_belongs = [&](bool is_given, const char* name, bool has_main, const char* main) {
    if (is_given && !has_main) violations.push_back(dashes + name + ": given without " + dashes + main);
  };
  check_belongs(settings.any_order.value_or(false), "any-order", settings.json_schema.has_value(), "json-schema");
  check_belongs(settings.speakers.has_value(), "speakers", settings.grammar.has_value(), "grammar");
  check_belongs(settings.turns.has_value(), "turns", settings.grammar.has_value(), "grammar");
}

void read_schema(Settings& settings) {
  if (!settings.json_schema || settings.json_schema_text) return;
  settings.json_schema_text = read_all(open_input(*settings.json_schema).get(), *settings.json_schema, kMaxSchemaFile);
}

bool is_constraint(std::string_view key) {
  return is_one_of(key, {"choices", "regex", "json-schema", "json", "grammar"});
}

bool becomes_automaton(std::string_view key) {
  return is_constraint(key) || is_one_of(key, {"ban", "ban-chars", "stop-tokens", "prefix"});
}

void clear_constraint(Settings& settings) {
  settings.choices.reset();
  settings.regex.reset();
  settings.json_schema.reset();
  settings.json_schema_text.reset();
  settings.json.reset();
  settings.grammar.reset();
  settings.any_order.reset();
  settings.speakers.reset();
  settings.turns.reset();
}

}  // namespace fllm::cli
