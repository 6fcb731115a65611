// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <map>

#include "tests/engine/bundled_model.h"

// What else is in the batch, and where, never changes a request's tokens.
namespace fllm::test {
namespace {

/// Requests of all kinds: lengths, samples, filters, penalties, stops, prefixes.
std::vector<Request> mixed_requests(int count) {
  const char* const prompts[] = {"ROMEO:", "First Citizen:\nBefore we proceed any further, hear me speak.\n\nAll:\n",
                                 "K", ""};
  std::vector<Request> requests;
  for (int i = 0; i < count; ++i) {
    Request request = request_for(prompts[i % 4], 5 + i * 7 % 60);
    request.sampling.seed = static_cast<std::uint64_t>(i);
    request.num_samples = 1 + i % 3;
    if (i % 5 == 1) request.sampling.top_k = 5;
    if (i % 5 == 2) request.sampling.top_p = 0.8f;
    if (i % 5 == 3) request.sampling.repetition_penalty = 1.3f;
    if (i % 7 == 2) request.stop.strings = {"and", "."};
    if (i % 11 == 3) request.control.prefix = "\nO ";
    requests.push_back(std::move(request));
  }
  return requests;
}

std::vector<std::vector<TokenId>> tokens_of(const Completion& completion) {
  std::vector<std::vector<TokenId>> tokens;
  for (const Sample& sample : completion.samples) tokens.push_back(sample.tokens);
  return tokens;
}

TEST(GeneratorBatch, TokensDoNotDependOnTheBatchTheRowsOrTheThreads) {
  const std::vector<Request> requests = mixed_requests(50 / kFewer);
  std::vector<std::vector<std::vector<TokenId>>> alone;
  {
    Generator generator = open_some({.threads = 1});
    for (const Request& request : requests) alone.push_back(tokens_of(generator.generate(request).value()));
  }
  for (const EngineOptions& options :
       {EngineOptions{.threads = 1, .max_rows = 256}, EngineOptions{.threads = 2, .max_rows = 7},
        EngineOptions{.threads = 3, .max_rows = 64}}) {
    Generator generator = open_some(options);
    std::vector<RequestId> ids;
    ids.reserve(requests.size());
    for (const Request& request : requests) ids.push_back(generator.submit(request).value());
    run_to_the_end(generator);
    for (std::size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(tokens_of(generator.take(ids[i]).value()), alone[i]) << i;
  }
}

TEST(GeneratorBatch, SamplesAreNumberedStreams) {
  Generator generator = open_some();
  Request request = request_for("ROMEO:", 30);
  request.num_samples = 6;
  const auto six = tokens_of(generator.generate(request).value());
  request.num_samples = 2;
  const auto two = tokens_of(generator.generate(request).value());
  EXPECT_EQ(two[0], six[0]);
  EXPECT_EQ(two[1], six[1]);
  EXPECT_NE(six[0], six[1]);
}

TEST(GeneratorBatch, ManyWavesGoThroughFewRows) {
  Generator generator = open_some({.threads = 2, .max_rows = 4});
  std::vector<RequestId> ids;
  for (int i = 0; i < 40; ++i) {
    Request request = request_for("ROMEO:", 3 + i % 5);
    request.length.min_tokens = request.length.max_tokens;
    ids.push_back(generator.submit(request).value());
  }
  std::map<RequestId, int> tokens;
  std::vector<RequestId> first_tokens;
  for (const StepEvent& event : run_to_the_end(generator)) {
    if (tokens[event.request]++ == 0) first_tokens.push_back(event.request);
  }
  EXPECT_EQ(first_tokens, ids);  // first come, first served
  for (int i = 0; i < 40; ++i) EXPECT_EQ(tokens[ids[static_cast<std::size_t>(i)]], 3 + i % 5);
}

TEST(GeneratorBatch, CancellingOneLeavesTheOthersAlone) {
  Generator generator = open_some();
  const std::vector<TokenId> wanted = only_sample(generator, request_for("JULIET:", 50)).tokens;
  Request long_one = request_for("ROMEO:", 200);
  long_one.length.min_tokens = 200;
  const RequestId cancelled = generator.submit(long_one).value();
  const RequestId kept = generator.submit(request_for("JULIET:", 50)).value();
  for (int i = 0; i < 10; ++i) (void)generator.step().value();
  generator.cancel(cancelled);
  run_to_the_end(generator);
  EXPECT_EQ(generator.take(kept).value().samples[0].tokens, wanted);
  const Completion rest = generator.take(cancelled).value();
  EXPECT_EQ(rest.samples[0].finish_reason, FinishReason::kCancelled);
  EXPECT_GE(rest.samples[0].tokens.size(), 9u);
}

TEST(GeneratorBatch, TheSinkCanCancel) {
  Generator generator = open_some();
  int seen = 0;
  const Completion completion =
      generator.generate(request_for("ROMEO:", 100), [&](const StepEvent&) { return ++seen < 5; }).value();
  EXPECT_EQ(completion.samples[0].finish_reason, FinishReason::kCancelled);
  EXPECT_LE(completion.samples[0].tokens.size(), 6u);
  EXPECT_TRUE(generator.idle());
}

}  // namespace
}  // namespace fllm::test
