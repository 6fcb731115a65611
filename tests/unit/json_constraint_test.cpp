// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "fundamentallm/result.h"
#include "host/constraint/constraint_cache.h"
#include "host/constraint/constraint_source.h"
#include "host/constraint/dfa_constraint.h"
#include "host/constraint/token_mask.h"
#include "tests/support/expect_error.h"
#include "tests/unit/constraint_rounds.h"
#include "tests/unit/schema_oracle.h"

namespace fllm {
namespace {

using test::Json;

ByteDfa compiled_json(const ConstraintSource& source) {
  CompileBudget budget(source_name(source));
  return compile_source(source, budget);
}
ByteDfa schema(const std::string& text, bool any_order = false) {
  return compiled_json(JsonSchemaConstraint{text, any_order});
}

/// All printable bytes and those of a few characters, some longer tokens, and an end.
TokenIndex vocabulary() {
  std::vector<std::string> tokens;
  for (char c = ' '; c <= '~'; ++c) tokens.emplace_back(1, c);
  for (const char* text :
       {"\n", "\xC3", "\xA9", "\xE6", "\x97", "\xA5", "\": ", "\":\"", "\", \"", "},",  "]}",           "{\"",
        "[[", "true", "null", "\\u",  "00",   "123",  "-1",   "0.5",   "e+",     "a\"", "\u00E9\u00E9", "\n "}) {
    tokens.emplace_back(text);
  }
  tokens.emplace_back();
  return TokenIndex(std::move(tokens));
}

/// Draws what the masks allow until an end is drawn. Closing tokens are preferred, more so the longer the text is.
std::optional<std::string> random_text(ConstraintTables& tables, const TokenIndex& tokens, std::mt19937& random) {
  const std::shared_ptr<ConstraintTables> shared(&tables, [](ConstraintTables*) {});
  DfaConstraint at(shared, tokens, 4000);
  std::vector<std::uint32_t> mask(static_cast<std::size_t>(mask_words(tokens.size())));
  std::string text;
  for (int step = 0; step < 4000; ++step) {
    at.fill_mask(mask);
    std::vector<TokenId> all, closing;
    for (TokenId id = 0; id < tokens.size(); ++id) {
      if (!is_allowed(mask, id)) continue;
      all.push_back(id);
      if (std::string("\"]}").find(tokens.bytes(id).substr(0, 1)) != std::string::npos) closing.push_back(id);
    }
    EXPECT_EQ(is_allowed(mask, tokens.size() - 1), at.may_end());
    if (all.empty()) return std::nullopt;
    if (at.may_end() && random() % 2 == 0) return text;
    const auto& from = !closing.empty() && random() % 100 < static_cast<unsigned>(step) ? closing : all;
    const TokenId id = from[random() % from.size()];
    if (id == tokens.size() - 1) return text;
    EXPECT_TRUE(at.advance(id));
    text += tokens.bytes(id);
  }
  return text + " (no end)";
}

TEST(JsonSchema, EveryWalkThroughTheMasksIsValid) {
  const TokenIndex tokens = vocabulary();
  ConstraintCache cache(tokens);
  std::vector<std::uint32_t> usable(static_cast<std::size_t>(mask_words(tokens.size())), ~0u);
  test::RandomSchemas schemas(7);
  int compiled_count = 0, walks = 0, accepted = 0;
  for (int round = 0; round < 250 / test::kFewerLanguages; ++round) {
    const Json root = schemas.root();
    ControlOptions control;
    control.constraint = JsonSchemaConstraint{root.dump(), round % 3 == 0};
    std::shared_ptr<ConstraintTables> tables;
    try {
      tables = cache.tables(control, usable, {tokens.size() - 1});
    } catch (const Exception& error) {
      const std::string message = error.what();
      ASSERT_TRUE(message.find("no text") != std::string::npos || message.find("not supported") != std::string::npos)
          << message << "\n"
          << root;
      continue;
    }
    ++compiled_count;
    for (int i = 0; i < 12; ++i) {
      const std::optional<std::string> text = random_text(*tables, tokens, schemas.random());
      ASSERT_TRUE(text) << "a dead end under " << root;
      const Json value = Json::parse(*text, nullptr, false);
      ASSERT_FALSE(value.is_discarded()) << *text << " under " << root;
      ASSERT_TRUE(test::is_valid(value, root, root)) << *text << " under " << root;
      ++walks;
    }
    for (int i = 0; i < 12 && round % 3 != 0; ++i) {
      const Json value = schemas.value(root, root, 4);
      if (!test::is_valid(value, root, root)) continue;
      ASSERT_TRUE(tables->dfa().matches(value.dump())) << value << " under " << root;
      ++accepted;
    }
  }
  EXPECT_GT(compiled_count, 150 / test::kFewerLanguages);
  EXPECT_GT(walks, 1500 / test::kFewerLanguages);
  EXPECT_GT(accepted, 300 / test::kFewerLanguages);
}

TEST(JsonSchema, WritesPropertiesInTheirOrderOrAny) {
  const std::string text =
      R"({"properties":{"b":{"type":"integer"},"a":{"const":"x"},"c":{"items":{"type":"object"}}},"required":["a"]})";
  const ByteDfa ordered = schema(text), any = schema(text, true);
  for (const char* yes : {R"({"b":1,"a":"x"})", R"({ "a" : "x" })", R"({"a":"x","c":[{}]})", "{\n\"a\":\n\"x\"\n}"}) {
    EXPECT_TRUE(ordered.matches(yes)) << yes;
    EXPECT_TRUE(any.matches(yes)) << yes;
  }
  EXPECT_FALSE(ordered.matches(R"({"a":"x","b":1})"));
  EXPECT_TRUE(any.matches(R"({"a":"x","b":1})"));
  for (const char* no : {"{}", R"({"a":"y"})", R"({"a":"x",})", R"({"a":"x","a":"x"})", R"({"a":"x","d":1})",
                         R"({"a":  "x"})", R"( {"a":"x"})"}) {
    EXPECT_FALSE(ordered.matches(no)) << no;
    EXPECT_FALSE(any.matches(no)) << no;
  }
}

TEST(JsonSchema, KnowsItsKeywords) {
  const auto expect = [](const char* text, std::initializer_list<const char*> yes,
                         std::initializer_list<const char*> no) {
    const ByteDfa dfa = schema(text);
    for (const char* value : yes) EXPECT_TRUE(dfa.matches(value)) << text << " of " << value;
    for (const char* value : no) EXPECT_FALSE(dfa.matches(value)) << text << " of " << value;
  };
  expect(R"({"type":"integer","minimum":-12,"maximum":105})", {"-12", "-9", "0", "99", "105"},
         {"-13", "106", "-0", "1.0", "05"});
  expect(R"({"type":"integer","minimum":2.5,"exclusiveMaximum":5})", {"3", "4"}, {"2", "5"});
  expect(R"({"type":"number","exclusiveMinimum":0,"maximum":2})", {"0.5", "1", "2", "2.0", "1.999"},
         {"0", "0.0", "2.1", "-1"});
  expect(R"({"type":"number"})", {"-0", "1e5", "2.5E-07", "123456789012345"}, {"01", "1.", ".5", "+1", "1e999", "NaN"});
  expect(R"({"type":"string","pattern":"^a+$"})", {"\"a\"", "\"aaa\""}, {"\"\"", "\"ab\""});
  expect(R"({"type":"string","pattern":"(?i)^a+$"})", {"\"a\"", "\"AaA\""}, {"\"\"", "\"ab\""});
  expect(R"({"type":"string","pattern":"\\d"})", {"\"x1y\"", "\"\\n7\""}, {"\"x\"", "\"1"});
  expect(R"({"type":"string","pattern":"^[\"\\\\\\n]$"})", {R"("\"")", R"("\\")", R"("\n")"}, {R"(""")", "\"\n\""});
  expect(R"({"type":"string","minLength":2,"maxLength":3})",
         {R"("ab")", R"("\u00e9\ud83d\ude00x")", "\"\U0001F600\u65E5\""},
         {R"("a")", R"("abcd")", R"("\ud83d\ud83d")", "\"\xFF\x62\""});
  expect(R"({"pattern":"^[a-z\u00e9\n]*$","minLength":2,"maxLength":3})", {R"("ab")", "\"\u00E9\u00E9x\"", R"("a\nb")"},
         {R"("a")", R"("abcd")", R"("aB")", R"("\u0061b")"});
  expect(R"({"pattern":"\\d","maxLength":2})", {R"("1")", R"("a1")", R"("\\1")", "\"\u65E51\""},
         {R"("ab")", R"("ab1")", R"("")", "1"});
  expect(R"({"format":"ipv4","pattern":"^10\\.","maxLength":8})", {"\"10.0.0.1\""}, {"\"11.0.0.1\"", "\"10.100.0.1\""});
  expect(R"({"format":"date","minLength":10})", {"\"2024-02-29\""}, {"\"2023-02-29\""});
  expect(R"({"format":"date"})", {"\"2024-02-29\"", "\"2000-02-29\"", "\"1999-12-31\""},
         {"\"2023-02-29\"", "\"1900-02-29\"", "\"2024-13-01\"", "\"2024-04-31\""});
  expect(R"({"format":"date-time"})", {"\"2024-02-29T23:59:59Z\"", "\"2024-01-01T00:00:00.25+05:30\""},
         {"\"2024-02-29\"", "\"2024-02-29T24:00:00Z\""});
  expect(R"({"format":"time"})", {"\"23:59:59Z\"", "\"00:00:00-23:59\""}, {"\"23:59\"", "\"23:59:60Z\""});
  expect(R"({"format":"uuid"})", {"\"123e4567-e89b-12d3-a456-426614174000\""},
         {"\"123e4567e89b12d3a456426614174000\""});
  expect(R"({"format":"ipv4"})", {"\"255.0.10.199\""}, {"\"256.0.0.1\"", "\"1.2.3\"", "\"01.2.3.4\""});
  expect(R"({"format":"email"})", {"\"a.b+c@x-y.example.org\""}, {"\"a@b\"", "\"a..b@x.org\"", "\"@x.org\""});
  expect(R"({"enum":[1,"a",null,{"k":[1]}],"type":["string","object"]})", {"\"a\"", R"({"k":[1]})"}, {"1", "null"});
  expect(R"({"prefixItems":[{"type":"null"},{"type":"boolean"}],"items":{"type":"integer"},"minItems":1,"maxItems":4})",
         {"[null]", "[null,true]", "[null, false , 1,2]"}, {"[]", "[true]", "[null,true,1,2,3]", "[null,1]"});
  expect(R"({"prefixItems":[{"type":"null"}],"items":false})", {"[]", "[null]"}, {"[null,1]"});
  expect(R"({"type":"object","additionalProperties":{"type":"integer"},"properties":{"a":{"type":"null"}}})",
         {"{}", R"({"a":null})", R"({"a":null,"b":1,"ab":2})", R"({"":1})"},
         {R"({"a":1})", R"({"b":null})", R"({"b":1,"a":1})"});
  expect(
      R"({"type":"object","maxProperties":1,"minProperties":1,"properties":{"a":{"type":"integer"},"b":{"type":"array"}}})",
      {R"({"a":1})", R"({"b":[]})"}, {"{}", R"({"a":1,"b":1})"});
  expect(R"({"additionalProperties":{"type":"null"},"minProperties":1})", {R"({"a":null})", R"({"a":null,"b":null})"},
         {"{}", R"({"a":1})"});
  expect(
      R"({"properties":{"a":{"type":"null"}},"additionalProperties":{"type":"integer"},"minProperties":2,"maxProperties":2})",
      {R"({"a":null,"b":1})"},
      {"{}", R"({"a":null})", R"({"b":1,"c":1})", R"({"b":1,"b":1})", R"({"a":null,"b":1,"c":1})"});
  expect(R"({"type":["string","integer"],"anyOf":[{"maxLength":1},{"type":"integer","minimum":7},{"type":"null"}]})",
         {R"("a")", "7"}, {R"("ab")", "6", "null", "7.5", "1.5"});
  expect(R"({"type":"integer","$ref":"#/$defs/n","$defs":{"n":{"type":"number","maximum":3}}})", {"3", "-1"},
         {"4", "2.5"});
  expect(R"({"type":"object","oneOf":[{"type":"object","properties":{"a":{"const":1}}},{"type":"array"}]})",
         {R"({"a":1})"}, {"[]"});
  expect(R"({"type":"boolean","anyOf":[true,{"minimum":3}]})", {"true", "false"}, {"3", "null"});
  expect(R"({"type":["null","integer"],"allOf":[{}]})", {"null", "1"}, {"1.5", "{}"});
  expect(R"({"allOf":[{"$ref":"#/$defs/a%25~1"}],"$defs":{"a%/":{"const":1}}})", {"1"}, {"2"});
  expect(R"({"type":"object","properties":{"n":{"$ref":"#"}},"additionalProperties":false})",
         {"{}", R"({"n":{"n":{"n":{"n":{}}}}})"}, {R"({"n":{"n":{"n":{"n":{"n":{"n":{}}}}}}})", R"({"n":1})"});
  expect(R"({"oneOf":[{"type":"object","properties":{"k":{"const":"a"}},"required":["k"]},
                      {"type":"object","properties":{"k":{"const":"b"},"v":{"type":"null"}},"required":["k","v"]}]})",
         {R"({"k":"a"})", R"({"k":"b","v":null})"}, {R"({"k":"b"})", R"({"k":"a","v":null})"});
  expect("true", {"1", "[[[1]]]", "{\"a\":{\"b\":{}}}"}, {"[[[[1]]]]", ""});
  expect(R"({"title":"x","default":3,"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"i"})", {"null"},
         {});
}

TEST(JsonSchema, NamesWhatItDoesNotSupport) {
  const auto expect = [](const char* text, const char* place, const char* what) {
    test::expect_error(ErrorCode::kInvalidArgument, {"json_schema: ", place, what}, [&] { (void)schema(text); });
  };
  expect(R"({"properties":{"a/b":{"contains":{}}}})", "#/properties/a~1b", "\"contains\"");
  expect(R"({"not":{}})", "\"#\"", "\"not\"");
  expect(R"({"if":{}})", "\"#\"", "\"if\"");
  expect(R"({"items":{"uniqueItems":true}})", "#/items", "\"uniqueItems\"");
  expect(R"({"items":[{}]})", "\"#\"", "prefixItems");
  expect(R"({"format":"hostname"})", "\"#\"", "\"hostname\"");
  expect(R"({"multipleOf":2})", "\"#\"", "\"multipleOf\"");
  expect(R"({"patternProperties":{}})", "\"#\"", "\"patternProperties\"");
  expect(R"({"oneOf":[{"type":"integer"},{"type":"number"}]})", "\"#\"", "branches 0 and 1");
  expect(R"({"oneOf":[{"properties":{}},{"type":"string"}]})", "\"#\"", "branches 0 and 1");
  expect(R"({"oneOf":[{"const":1},{"enum":[1.0,2]}]})", "\"#\"", "branches 0 and 1");
  expect(R"({"$ref":"#/nowhere"})", "\"#\"", "nothing at this place");
  expect(R"({"$ref":"http://x/y"})", "\"#\"", "same schema");
  expect(R"({"additionalProperties":true,"minProperties":2})", "\"#\"", "minProperties: 2");
  expect(R"({"pattern":3,"maxLength":1})", "\"#\"", "pattern: a string");
  expect(R"({"type":"text"})", "\"#\"", "type: \"text\":");
  const std::string long_pattern = R"({"items":{"pattern":")" + std::string(65537, 'a') + "\"}}";
  expect(long_pattern.c_str(), "#/items", "pattern: 65537 bytes; at most 65536");
  expect(R"({"minimum":1e300})", "\"#\"", "15 digits");
  expect(R"({"minLength":-1})", "\"#\"", "minLength");
  expect(R"({"properties":{"a":{"pattern":"(?=a)b"}}})", R"("#/properties/a": pattern: "(?=a)b": position 0)",
         "look-around");
  expect(R"({"items":{"enum":["a"],"pattern":"(?=a)b"}})", R"("#/items": pattern: "(?=a)b": position 0)",
         "look-around");
  expect(R"({"properties":{"a":3}})", "#/properties/a", "a schema is");
  expect(R"([])", "\"#\"", "a schema is");
  expect(R"({"a":1,"a":2})", "twice", "\"a\"");
  expect("{", "byte 2", "JSON");
  expect(R"({"minimum":1e999})", "too large", "number");
}

TEST(JsonSchema, EndsInALimit) {
  std::string deep, wide = R"({"properties":{)", branches = R"({"$defs":{"a":{"anyOf":[)";
  for (int i = 0; i < 100; ++i) deep += R"({"items":)";
  deep += "{}" + std::string(100, '}');
  for (int i = 0; i < 5000; ++i) wide += "\"p" + std::to_string(i) + R"(":{},)";
  wide += R"("z":{}}})";
  for (int i = 0; i < 30; ++i) branches += R"({"items":{"$ref":"#/$defs/a"}},)";
  branches += R"({"type":"null"}]}},"$ref":"#/$defs/a"})";
  const std::string huge = R"({"type":"string","maxLength":100000})";
  const std::string both = R"({"type":"string","maxLength":20000,"pattern":"a.{0,200}b.{0,200}c"})";
  const std::string arrays = R"({"minItems":1000,"items":{"minItems":1000,"items":{"minItems":1000,"items":{}}}})";
  std::string listed = R"({"oneOf":[{"enum":[)", again = listed;
  for (int i = 0; i < 6000; ++i) listed.append(std::to_string(i)).append(",");
  listed += R"(-1]},{"enum":[)" + listed.substr(again.size()) + "-2]}]}";
  for (const std::string& text : {deep, wide, branches, huge, both, arrays, listed}) {
    test::expect_error(ErrorCode::kInvalidArgument, {"limit"}, [&] {
      CompileBudget budget = test::budget("json_schema");
      (void)compile_source(JsonSchemaConstraint{text}, budget);
    });
  }
  // As many values as there is room for: reading them takes time by their number, not its square.
  std::string many = R"({"enum":[)";
  for (int i = 0; i < 300000 / test::kFewerLanguages; ++i) many += "{},";
  EXPECT_TRUE(schema(many + R"({"a":1}],"minProperties":1})").matches(R"({"a":1})"));
  test::expect_error(ErrorCode::kInvalidArgument, {"no text at all"}, [] {
    const TokenIndex tokens = vocabulary();
    ControlOptions control;
    control.constraint = JsonSchemaConstraint{R"({"properties":{"a":{"$ref":"#"}},"required":["a"]})"};
    std::vector<std::uint32_t> usable(static_cast<std::size_t>(mask_words(tokens.size())), ~0u);
    (void)ConstraintCache(tokens).tables(control, usable, {});
  });
}

TEST(Json, IsAnyToItsDepth) {
  const ByteDfa dfa = compiled_json(JsonConstraint{});
  for (const char* yes :
       {"null", "-3.25e10", R"("\u0041\/")", "[[[[[1]]]]]", R"({"a":[{"b":[{"c":null}]}], "":true})", "[]", "{}"}) {
    EXPECT_TRUE(dfa.matches(yes)) << yes;
  }
  for (const char* no : {"", " 1", "[1,]", "[[[[[[1]]]]]]", "{1:2}", "\"\t\"", "tru", "[1 2]", R"("\x")"}) {
    EXPECT_FALSE(dfa.matches(no)) << no;
  }
  const TokenIndex tokens = vocabulary();
  ConstraintCache cache(tokens);
  ControlOptions control;
  control.constraint = JsonConstraint{};
  std::vector<std::uint32_t> usable(static_cast<std::size_t>(mask_words(tokens.size())), ~0u);
  const auto tables = cache.tables(control, usable, {tokens.size() - 1});
  std::mt19937 random(3);
  for (int i = 0; i < 300 / test::kFewerLanguages; ++i) {
    const std::optional<std::string> text = random_text(*tables, tokens, random);
    ASSERT_TRUE(text && !Json::parse(*text, nullptr, false).is_discarded()) << text.value_or("a dead end");
  }
}

}  // namespace
}  // namespace fllm
