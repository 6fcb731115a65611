// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/constraint_source.h"

#include <algorithm>
#include <type_traits>
#include <utility>
#include <vector>

#include "fundamentallm/result.h"
#include "host/constraint/expression.h"
#include "host/constraint/json_schema.h"
#include "host/constraint/json_text.h"
#include "host/constraint/regex_parser.h"
#include "host/util/quoted_text.h"

namespace fllm {
namespace {

ExprId utf8_text(Expressions& e, const std::string& text) {
  if (!is_utf8(text)) {
    throw Exception(ErrorCode::kInvalidArgument,
                    e.budget().name() + ": " + quoted_text(text) + ": not valid UTF-8: UTF-8 text is allowed");
  }
  return e.bytes(text);
}

ExprId expression_of(Expressions& e, const ChoicesConstraint& choices) {
  std::vector<std::string> texts = choices.texts;
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  std::vector<ExprId> ways;
  ways.reserve(texts.size());
  for (const std::string& text : texts) ways.push_back(utf8_text(e, text));
  return e.alternate(std::move(ways));
}

ExprId expression_of(Expressions& e, const RegexConstraint& regex) {
  return parse_regex({regex.pattern, RegexAnchoring::kWhole, e.budget().name()}, e, CharacterWriter());
}

ExprId expression_of(Expressions& e, const JsonSchemaConstraint& schema) {
  const SchemaDocument document(schema.schema);
  return JsonSchemaCompiler(document, e, {schema.any_order}).compile();
}

ExprId expression_of(Expressions& e, const JsonConstraint& /*json*/) { return JsonText(e).value(kAnyJsonDepth); }

// "NAME: a line\n", the names in turn.
ExprId expression_of(Expressions& e, const DialogueConstraint& dialogue) {
  const ExprId line = e.repeat(e.set(CodePointSet({{'\n', '\n'}, {'\r', '\r'}}).inverted()), 1, kUnbounded);
  const ExprId end = e.bytes("\n");
  std::vector<ExprId> turns;
  for (std::int32_t turn = 0; turn < dialogue.turns; ++turn) {
    const std::string& speaker = dialogue.speakers[static_cast<std::size_t>(turn) % dialogue.speakers.size()];
    turns.insert(turns.end(), {utf8_text(e, speaker + ": "), line, end});
  }
  return e.concat(std::move(turns));
}

}  // namespace

ByteDfa compile_source(const ConstraintSource& source, CompileBudget& budget) {
  Expressions expressions(budget);
  const ExprId root = std::visit(
      [&](const auto& kind) {
        if constexpr (std::is_same_v<std::decay_t<decltype(kind)>, std::monostate> ||
                      std::is_same_v<std::decay_t<decltype(kind)>, CustomConstraint>) {
          return expressions.nothing();
        } else {
          return expression_of(expressions, kind);
        }
      },
      source);
  return ByteDfa::compile(expressions, root);
}

std::string source_name(const ConstraintSource& source) {
  constexpr const char* kNames[] = {"", "choices", "regex", "json_schema", "json", "grammar", "constraint"};
  return kNames[source.index()];
}

}  // namespace fllm
