// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "fundamentallm/result.h"
#include "host/constraint/constraint_source.h"
#include "tests/support/fewer.h"

namespace fllm {
namespace {

using SuiteJson = nlohmann::ordered_json;

std::filesystem::path suite_folder() {
  const char* given = std::getenv("FLLM_JSON_SCHEMA_SUITE");
  return given != nullptr ? given : "/usr/share/json-schema-test-suite/tests/draft7";
}

struct Count {
  int schemas = 0, refused = 0, invalid = 0, valid = 0, accepted = 0;
  std::map<std::string, int> reasons;
};

void try_case(const SuiteJson& test, Count& count) {
  ++count.schemas;
  ByteDfa dfa;
  try {
    CompileBudget budget("json_schema");
    dfa = compile_source(JsonSchemaConstraint{test["schema"].dump()}, budget);
  } catch (const Exception& error) {
    ASSERT_EQ(error.code(), ErrorCode::kInvalidArgument) << error.what();
    const std::string message = error.what();
    ++count.refused;
    ++count.reasons[message.substr(message.find("\": ") + 3)];
    return;
  }
  for (const SuiteJson& instance : test["tests"]) {
    const bool accepted = dfa.matches(instance["data"].dump());
    const bool valid = instance["valid"].get<bool>();
    ++(valid ? count.valid : count.invalid);
    count.accepted += accepted ? 1 : 0;
    ASSERT_TRUE(valid || !accepted) << test["schema"] << " accepts " << instance["data"];
  }
}

// Every case of the public JSON-Schema-Test-Suite (sanitized, every fifth): a schema is refused by name, or accepts nothing that is invalid.
TEST(JsonSchemaSuite, AcceptsNoInvalidInstance) {
  const std::filesystem::path folder = suite_folder();
  if (!std::filesystem::is_directory(folder)) {
    GTEST_SKIP() << folder
                 << " is not there: install json-schema-test-suite, or set FLLM_JSON_SCHEMA_SUITE to a folder of it";
  }
  Count count;
  int seen = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".json") continue;
    std::ifstream file(entry.path());
    for (const SuiteJson& schema : SuiteJson::parse(file)) {
      if (seen++ % test::kFewer == 0) try_case(schema, count);
    }
  }
  EXPECT_GT(count.schemas, 100 / test::kFewer);
  EXPECT_GT(count.accepted, 50 / test::kFewer / 2);
  std::printf("%d schemas, %d refused; of %d invalid instances none accepted, of %d valid ones %d\n", count.schemas,
              count.refused, count.invalid, count.valid, count.accepted);
  for (const auto& [reason, times] : count.reasons) std::printf("  %3d  %s\n", times, reason.c_str());
}

}  // namespace
}  // namespace fllm
