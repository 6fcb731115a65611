// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/engine/bundled_model.h"

namespace fllm::test {
namespace {

using ::testing::HasSubstr;

Error error_of(Generator& generator, Request request) {
  const Result<RequestId> result = generator.submit(std::move(request));
  EXPECT_FALSE(result.has_value());
  return result.has_value() ? Error{} : result.error();
}

TEST(GeneratorErrors, AllViolationsComeAtOnce) {
  Generator generator = open_bundled();
  Request request = request_for("A");
  request.sampling.temperature = NAN;
  request.sampling.min_p = 2;
  request.sampling.logit_bias = {{69, 1}};
  request.num_samples = 0;
  request.stop.strings = {""};
  const Error error = error_of(generator, request);
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
  for (const char* name : {"temperature", "min_p", "69", "num_samples", "stop"})
    EXPECT_THAT(error.message, HasSubstr(name));
  EXPECT_TRUE(generator.idle());
}

TEST(GeneratorErrors, PromptsThatDoNotFit) {
  Generator generator = open_bundled();
  Request request = request_for(std::string(256, 'a'));
  const Error error = error_of(generator, request);
  EXPECT_EQ(error.code, ErrorCode::kContextOverflow);
  EXPECT_THAT(error.message, HasSubstr("256"));
  request.truncate_prompt = true;
  EXPECT_TRUE(generator.generate(request).has_value());
  request = request_for(std::string(255, 'a'));
  EXPECT_EQ(only_sample(generator, request).tokens.size(), 1u);
}

TEST(GeneratorErrors, PromptsThatAreNoText) {
  Generator generator = open_bundled();
  EXPECT_THAT(error_of(generator, request_for("ab\xff")).message, HasSubstr("offset 2"));
  Request request = request_for("");
  request.prompt = std::vector<TokenId>{1, 69};
  EXPECT_THAT(error_of(generator, request).message, HasSubstr("69"));
}

TEST(GeneratorErrors, AnEmptySupportEndsOneSampleWithAReason) {
  Generator generator = open_bundled();
  Request request = request_for("A");
  for (TokenId id = 0; id < 69; ++id) request.control.banned_token_ids.push_back(id);
  const Sample sample = only_sample(generator, request);
  EXPECT_EQ(sample.finish_reason, FinishReason::kDeadEnd);
  ASSERT_TRUE(sample.error.has_value());
  EXPECT_EQ(sample.error->code, ErrorCode::kEmptySupport);
  EXPECT_EQ(only_sample(generator, request_for("A", 5)).tokens.size(), 5u);  // the generator goes on
}

TEST(GeneratorErrors, APrefixThatCannotBeSpelled) {
  Generator generator = open_bundled();
  Request request = request_for("A");
  request.control.prefix = "caf\xc3\xa9";
  EXPECT_THAT(error_of(generator, request).message, HasSubstr("prefix"));
}

TEST(GeneratorErrors, FilesAndDevices) {
  EXPECT_EQ(Generator::open("no/such/model.pt").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(Generator::open(kBundledModel, {.device = "tpu"}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(Generator::open(kBundledModel, {.device = "cpu", .threads = -1}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(Generator::open(kBundledModel, {.device = "cpu", .max_rows = 0}).error().code, ErrorCode::kInvalidArgument);
}

TEST(GeneratorErrors, ResultsAreTakenOnce) {
  Generator generator = open_bundled();
  const RequestId id = generator.submit(request_for("A", 3)).value();
  EXPECT_FALSE(generator.take(id).has_value());  // not finished
  run_to_the_end(generator);
  EXPECT_TRUE(generator.take(id).has_value());
  EXPECT_FALSE(generator.take(id).has_value());
}

}  // namespace
}  // namespace fllm::test
