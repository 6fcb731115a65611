// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

#include "fundamentallm/result.h"
#include "host/constraint/constraint_source.h"
#include "tests/support/expect_error.h"
#include "tests/unit/constraint_rounds.h"

namespace fllm {
namespace {

ByteDfa compiled_parts(const std::string& text, bool any_order = false) {
  CompileBudget budget("json_schema");
  return compile_source(JsonSchemaConstraint{text, any_order}, budget);
}

void expect_texts(const char* text, std::initializer_list<const char*> yes, std::initializer_list<const char*> no) {
  const ByteDfa dfa = compiled_parts(text);
  for (const char* value : yes) EXPECT_TRUE(dfa.matches(value)) << text << " of " << value;
  for (const char* value : no) EXPECT_FALSE(dfa.matches(value)) << text << " of " << value;
}

TEST(SchemaParts, ObjectsAreMerged) {
  expect_texts(
      R"({"allOf":[{"$ref":"#/$defs/base"},{"properties":{"b":{"type":"null"},"a":{"maximum":3}},"required":["b"]}],
          "$defs":{"base":{"type":"object","properties":{"a":{"type":"integer","minimum":2}},"required":["a"]}}})",
      {R"({"a":2,"b":null})", R"({"a":3,"b":null})"},
      {R"({"a":4,"b":null})", R"({"a":1,"b":null})", R"({"a":2})", R"({"b":null,"a":2})", R"({"a":2,"b":null,"c":1})"});
  // What one of them does not name, its additionalProperties are for.
  expect_texts(
      R"({"type":"object","allOf":[{"properties":{"a":{"type":"integer"}},"additionalProperties":false},
                                   {"properties":{"b":{"type":"integer"}},"additionalProperties":{"minimum":5}}]})",
      {"{}", R"({"a":5})"}, {R"({"a":4})", R"({"b":1})", R"({"a":5,"b":1})", R"({"c":7})"});
  expect_texts(
      R"({"allOf":[{"additionalProperties":{"type":"integer"}},{"additionalProperties":{"maximum":1}},{"required":["k"]},
                   {"minProperties":1},{"maxProperties":2}]})",
      {R"({"k":1})", R"({"k":0,"x":-1})"},
      {"{}", R"({"k":2})", R"({"x":1})", R"({"k":1,"x":0.5})", R"({"k":0,"x":1,"y":1})"});
  // In the order in which the properties stand.
  expect_texts(
      R"({"properties":{"b":{"const":1}},"allOf":[{"properties":{"a":{"const":2},"b":{}}}],"required":["a","b"]})",
      {R"({"b":1,"a":2})"}, {R"({"a":2,"b":1})"});
  expect_texts(
      R"({"allOf":[{"properties":{"a":{"const":2},"b":{}}}],"properties":{"b":{"const":1}},"required":["a","b"]})",
      {R"({"a":2,"b":1})"}, {R"({"b":1,"a":2})"});
  EXPECT_TRUE(compiled_parts(R"({"allOf":[{"properties":{"a":{"const":1}}},{"properties":{"b":{"const":1}}}]})", true)
                  .matches(R"({"b":1,"a":1})"));
}

TEST(SchemaParts, OtherKindsAreMergedOrIntersected) {
  expect_texts(
      R"({"allOf":[{"type":"string","pattern":"^[a-m]+$"},{"pattern":"^[k-z]+$","minLength":2},{"maxLength":3}]})",
      {R"("kl")", R"("mmk")"}, {R"("k")", R"("ak")", R"("kz")", R"("kkkk")"});
  expect_texts(R"({"allOf":[{"format":"ipv4"},{"pattern":"^1\\."},{"pattern":"9$"}]})", {R"("1.2.3.9")"},
               {R"("1.2.3.8")", R"("2.2.3.9")"});
  expect_texts(
      R"({"type":["integer","string"],"allOf":[{"type":["number","null"],"minimum":2},{"type":"number","exclusiveMaximum":4}]})",
      {"2", "3"}, {"1", "4", "2.5", "null", R"("a")"});
  expect_texts(R"({"type":"array","allOf":[{"prefixItems":[{"type":"integer"},true],"maxItems":3},
                                           {"items":{"minimum":3},"minItems":1},{"items":{"type":["integer","boolean"]}}]})",
               {"[3]", "[4,3]", "[3,3,5]"}, {"[]", "[2]", "[3,2]", "[3,3,3,3]", "[3,true]", R"([3,"a"])"});
  expect_texts(R"({"allOf":[{"type":"string"},{"type":["null","boolean"]},true]})", {}, {"null", "true", R"("a")"});
  expect_texts(R"({"allOf":[{"type":"null"},false]})", {}, {"null"});
  expect_texts(R"({"allOf":[{"title":"a"},true,{}]})", {"1", "null", "[[[1]]]"}, {"[[[[1]]]]"});
}

TEST(SchemaParts, BranchesHaveWhatIsBesideThem) {
  expect_texts(
      R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"null"}},"additionalProperties":false,
          "anyOf":[{"required":["a"]},{"required":["b"],"maxProperties":1}]})",
      {R"({"a":1})", R"({"b":null})", R"({"a":1,"b":null})"}, {"{}", R"({"a":null})", R"({"c":1,"a":1})"});
  expect_texts(
      R"({"anyOf":[{"type":"integer"},{"type":"string"}],"oneOf":[{"type":"number","maximum":2},{"type":"string","maxLength":1}]})",
      {"2", R"("a")"}, {"3", "1.5", R"("ab")"});
  expect_texts(R"({"$ref":"#/$defs/n","maximum":5,"$defs":{"n":{"anyOf":[{"type":"integer"},{"type":"null"}]}}})",
               {"5", "null"}, {"6", R"("a")"});
  // Within itself, and nothing that only refers to itself.
  expect_texts(
      R"({"$defs":{"t":{"properties":{"n":{"allOf":[{"$ref":"#/$defs/t"},{"type":"object"}]},"v":{"type":"null"}}}},
                   "allOf":[{"$ref":"#/$defs/t"},{"required":["v"]}]})",
      {R"({"v":null})", R"({"n":{"n":{}},"v":null})"}, {"{}", R"({"n":1,"v":null})"});
  expect_texts(R"({"anyOf":[{"$ref":"#"},{"type":"null"}]})", {"null"}, {"1"});
  expect_texts(R"({"$ref":"#"})", {}, {"1", "null"});
}

TEST(SchemaParts, ListedValuesAreTriedByTheRest) {
  expect_texts(R"({"enum":["a","bcd","xyz",12,7.0,null,"\u65e5\u672c"],"minLength":2,"maximum":10,"pattern":"^[^x]"})",
               {R"("bcd")", "7.0", "null", "\"\u65E5\u672C\""}, {R"("a")", R"("xyz")", "12"});
  expect_texts(R"({"enum":[1,1.5,"1",[1],{"a":1}],"type":"integer"})", {"1"}, {"1.5", R"("1")", "[1]"});
  expect_texts(
      R"({"enum":[[1,"a"],[1,2],[],[0,"b",null]],"prefixItems":[{"minimum":1}],"items":{"type":"string"},"minItems":1})",
      {R"([1,"a"])"}, {"[1,2]", "[]", R"([0,"b",null])"});
  expect_texts(
      R"({"enum":[{"a":1,"b":2},{"a":1},{"b":"x"},{"a":1,"c":3}],"properties":{"a":{"const":1.0}},"required":["a"],
                   "additionalProperties":{"enum":[2,3]},"minProperties":2})",
      {R"({"a":1,"b":2})", R"({"a":1,"c":3})"}, {R"({"a":1})", R"({"b":"x"})"});
  expect_texts(
      R"({"enum":[1,2,3,4,"2020-01-31","31"],"oneOf":[{"maximum":2},{"minimum":2,"type":"number"},{"format":"date","type":"string"}]})",
      {"1", "3", "4", R"("31")"}, {"2", R"("2020-01-31")"});
  expect_texts(R"({"allOf":[{"enum":[1,2,"a"]},{"enum":[2.0,"a",3]},{"const":2}]})", {"2"}, {"1", R"("a")"});
  expect_texts(R"({"allOf":[{"enum":[1,2,"a"]},{"enum":[2.0,"a",3]}]})", {"2", R"("a")"}, {"1", "3", "2.0"});
}

TEST(SchemaParts, BoundsMayBeFractions) {
  expect_texts(R"({"type":"number","minimum":0.25,"maximum":0.5})",
               {"0.25", "0.250", "0.3", "0.499999999999999", "0.5", "0.500000000000000"},
               {"0", "0.2", "0.24999", "0.51", "0.500000000000001", "1", "-0.3", "0.2500000000000000"});
  expect_texts(R"({"type":"number","exclusiveMinimum":-1.5,"exclusiveMaximum":2.75})",
               {"-1.49", "-1.4", "-1", "-0.0", "0", "0.9", "2", "2.7", "2.74999", "2.0"},
               {"-1.5", "-1.50", "-1.6", "2.75", "2.750", "2.8", "3", "-2"});
  expect_texts(R"({"type":"integer","minimum":-1.5,"maximum":2.75})", {"-1", "0", "2"}, {"-2", "3", "1.0"});
  expect_texts(R"({"type":"integer","exclusiveMinimum":2.5,"exclusiveMaximum":4})", {"3"}, {"2", "4"});
  expect_texts(R"({"allOf":[{"exclusiveMinimum":2},{"minimum":2.0},{"exclusiveMaximum":3.5},{"maximum":3.5}]})",
               {"2.1", "3", "3.4", "2.00000000000001"}, {"2", "2.0", "3.5", "3.51"});
  // Rounded to a double these are 17, which is excluded.
  expect_texts(R"({"type":"number","exclusiveMinimum":17})", {"17.0000000000001"}, {"17.000000000000001"});
  expect_texts(R"({"type":"number","exclusiveMaximum":17})", {"16.9999999999999"}, {"16.999999999999999"});
  expect_texts(R"({"type":"number","minimum":1e-7,"maximum":1e-5})", {"0.0000001", "0.000003", "0.00001"},
               {"0", "0.00000009", "0.000010001"});
  expect_texts(R"({"type":"number","minimum":9,"maximum":9.0})", {"9", "9.0", "9.00"}, {"9.01", "8.99"});
  expect_texts(R"({"type":"number","minimum":0.3,"maximum":0.2})", {}, {"0.25", "0"});
}

TEST(SchemaParts, RefusesByNameAndEndsInALimit) {
  const auto expect = [](const std::string& text, const char* place, const char* what) {
    test::expect_error(ErrorCode::kInvalidArgument, {"json_schema: ", place, what}, [&] {
      CompileBudget budget = test::budget("json_schema");
      (void)compile_source(JsonSchemaConstraint{text}, budget);
    });
  };
  expect(R"({"allOf":[{},{"properties":{"a":{"not":{}}}}]})", "#/allOf/1/properties/a", "\"not\"");
  expect(R"({"allOf":[{},{"if":{}}]})", "#/allOf/1", "\"if\"");
  expect(R"({"allOf":[]})", "\"#\"", "allOf");
  expect(R"({"allOf":[3]})", "#/allOf/0", "a schema is");
  expect(R"({"enum":[1],"not":{}})", "\"#\"", "\"not\"");
  expect(R"({"enum":[[1]],"items":{"anyOf":[true,{"contains":1}]}})", "#/items/anyOf/1", "\"contains\"");
  expect(R"({"enum":["a"],"format":"hostname"})", "\"#\"", "\"hostname\"");
  expect(R"({"enum":3})", "\"#\"", "enum: an array");
  expect(R"({"enum":[{}],"required":[1]})", "\"#\"", "required: an array");
  // Twice as many schemas, branches, listed values, patterns at each level.
  std::string doubled = R"({"$defs":{"d0":{"minimum":0})", choices = R"({"allOf":[)", patterns = choices;
  for (int i = 1; i < 40; ++i) {
    const std::string next = "\"#/$defs/d" + std::to_string(i - 1) + "\"";
    doubled.append(",\"d").append(std::to_string(i)).append(R"(":{"allOf":[{"$ref":)").append(next);
    doubled.append(R"(},{"allOf":[{"$ref":)").append(next).append("}]}]}");
    choices += R"({"anyOf":[{"minimum":)" + std::to_string(i) + R"(},{"maximum":9}]},)";
    patterns += R"({"pattern":")" + std::string(static_cast<std::size_t>(i), '.') + R"(a.{9}"},)";
  }
  doubled += R"(},"$ref":"#/$defs/d39"})";
  choices += "true]}";
  patterns += "true]}";
  std::string listed = R"({"allOf":[{"enum":[)";
  for (int i = 0; i < 6000; ++i) listed += std::to_string(i) + ",";
  listed += "-1]}," + listed.substr(10) + "-2]}]}";
  for (const std::string& text : {doubled, choices, patterns, listed}) expect(text, "", "limit");
}

}  // namespace
}  // namespace fllm
