// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <set>
#include <stdexcept>
#include <thread>

#include "tests/engine/bundled_model.h"
#include "tests/engine/completion_text.h"

// Requests come, go and fail while others run: none of it changes a token of theirs.
namespace fllm::test {
namespace {

using ::testing::HasSubstr;

std::string prompt_of(int i) {
  const std::string speech = "First Citizen:\nBefore we proceed any further, hear me speak.\n\nAll:\nSpeak, speak.\n\n";
  const std::string prompts[] = {"ROMEO:", speech, speech + "JULIET:", "K", speech + speech, ""};
  return prompts[i % 6];
}

/// Lengths, samples, filters, penalties, stops, prefixes, biases and logprobs in many combinations.
std::vector<Request> varied_requests(int count) {
  std::vector<Request> requests;
  for (int i = 0; i < count; ++i) {
    Request request = request_for(prompt_of(i), 4 + i * 7 % 23);
    request.sampling.seed = static_cast<std::uint64_t>(i / 2);
    request.num_samples = i % 9 == 4 ? 3 : 1;
    if (i % 4 == 1) request.sampling.top_k = 5;
    if (i % 4 == 2) request.sampling.top_p = 0.8f;
    if (i % 4 == 3) request.sampling.temperature = 0;
    if (i % 5 == 1) request.sampling.repetition_penalty = 1.3f;
    if (i % 5 == 2) request.sampling.frequency_penalty = 0.7f;
    if (i % 5 == 3) request.sampling.penalty_window = 9;
    if (i % 7 == 2) request.stop.strings = {"and", ".", "e "};
    if (i % 11 == 3) request.control.prefix = "\nO ";
    if (i % 11 == 5) request.control.banned_text = {"th"};
    if (i % 13 == 1) request.sampling.logit_bias = {{40, 2}};
    if (i % 13 == 2) request.logprobs = 3;
    requests.push_back(std::move(request));
  }
  return requests;
}

TEST(Continuous, ABatchOf200GivesEachTheTextItHasAlone) {
  const std::vector<Request> requests = varied_requests(200 / kFewer);
  std::vector<std::string> alone;
  alone.reserve(requests.size());
  Generator single = open_some({.threads = 1, .max_rows = 3, .prefix_cache = false});
  for (const Request& request : requests) alone.push_back(all_of(single.generate(request).value()));

  Generator generator = open_some({.threads = 1, .max_rows = 64, .prefill_tokens = 48});
  std::map<RequestId, std::size_t> ids;
  std::set<std::size_t> cancelled;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    ids[generator.submit(requests[i]).value()] = i;
    if (i % 3 == 0) (void)generator.step().value();  // some begin before others are there
    if (i % 10 == 7) cancelled.insert(i);
  }
  for (int step = 0; !generator.idle(); ++step) {
    (void)generator.step().value();
    if (step != 3) continue;
    for (const auto& [id, i] : ids) {
      if (cancelled.contains(i)) generator.cancel(id);
    }
  }
  int ended_by_cancel = 0;
  for (const auto& [id, i] : ids) {
    const Completion completion = generator.take(id).value();
    if (completion.samples[0].finish_reason == FinishReason::kCancelled) {
      EXPECT_TRUE(cancelled.contains(i));
      EXPECT_TRUE(alone[i].starts_with(completion.samples[0].text)) << i;
      ++ended_by_cancel;
    } else {
      EXPECT_EQ(all_of(completion), alone[i]) << i;
    }
  }
  EXPECT_GT(ended_by_cancel, kFewer > 1 ? 0 : 3);
  const Metrics metrics = generator.metrics();
  EXPECT_EQ(metrics.blocks_used, 0);
  EXPECT_EQ(metrics.requests_finished, 200 / kFewer);
  EXPECT_GT(metrics.prefix_hit_tokens, 0);
}

TEST(Continuous, ALongPromptIsReadInPartsAndHoldsUpNobody) {
  Generator whole = open_some({.threads = 1});
  Request long_one = request_for(std::string(200, 'a') + "\nKING:", 8);
  long_one.num_samples = 2;
  const std::string wanted = all_of(whole.generate(long_one).value());

  Generator generator = open_some({.threads = 1, .max_rows = 4, .prefill_tokens = 32});
  const RequestId running = generator.submit(request_for("ROMEO:", 60)).value();
  (void)generator.step().value();
  const RequestId reading = generator.submit(long_one).value();
  (void)generator.step().value();
  const RequestId late = generator.submit(request_for("JULIET:", 2)).value();
  int steps = 0;
  for (bool read = false; !read; ++steps) {
    const StepReport report = generator.step().value();
    EXPECT_LE(report.prompt_tokens, 32);
    std::set<RequestId> seen;
    for (const StepEvent& event : report) seen.insert(event.request);
    EXPECT_TRUE(seen.contains(running));
    if (steps == 0) {
      EXPECT_TRUE(seen.contains(late));  // its share of the step was enough
    }
    read = seen.contains(reading);
  }
  EXPECT_GE(steps, 5);
  generator.drain().value();
  EXPECT_EQ(all_of(generator.take(reading).value()), wanted);
}

TEST(Continuous, ManyLongPromptsAllGetTheirTurn) {
  Generator generator = open_some({.threads = 1, .max_rows = 8, .prefill_tokens = 16, .prefix_cache = false});
  std::vector<RequestId> ids;
  for (char c = 'a'; c < 'i'; ++c) ids.push_back(generator.submit(request_for(std::string(40, c), 1)).value());
  std::vector<std::int64_t> read;
  while (!generator.idle()) read.push_back(generator.step().value().prompt_tokens);
  // Each of eight reads 16, 16 and 8 tokens, one after the other: no step is empty, and none reads more than it may.
  EXPECT_EQ(std::vector<std::int64_t>(read.begin(), read.begin() + 16), std::vector<std::int64_t>(16, 16));
  EXPECT_EQ(read.size(), 20u);
  for (const RequestId id : ids) EXPECT_TRUE(generator.take(id).has_value());
}

TEST(Continuous, AFreeRowIsTakenAtOnceAndMemoryIsReserved) {
  // 64 blocks of 16 tokens, 6 layers of 128 floats: four samples of 256 tokens.
  const std::int64_t block = std::int64_t{2} * 6 * 128 * 16 * 4;
  Generator generator = open_bundled({.threads = 1, .max_rows = 6, .kv_cache_bytes = 64 * block});
  EXPECT_EQ(generator.metrics().blocks_total, 64);
  Request request = request_for("ROMEO:", 250);
  request.num_samples = 3;
  const RequestId first = generator.submit(request).value();
  request.num_samples = 4;
  request.prompt = std::string("JULIET:");
  const RequestId second = generator.submit(request).value();
  EXPECT_EQ(generator.metrics().queued_requests, 2);
  (void)generator.step().value();
  EXPECT_EQ(generator.metrics().running_rows, 4);  // one of the second request already; rows are free, blocks are not
  EXPECT_EQ(generator.metrics().blocks_used, 64);
  EXPECT_EQ(generator.metrics().queued_requests, 1);
  const RequestId third = generator.submit(request_for("K", 4)).value();
  generator.cancel(first);
  const StepReport report = generator.step().value();
  EXPECT_TRUE(std::any_of(report.begin(), report.end(), [&](const StepEvent& event) {
    return event.request == first && event.finish_reason == FinishReason::kCancelled;
  }));
  EXPECT_EQ(generator.metrics().running_rows, 4);  // the second one's others came first, and are all there
  EXPECT_EQ(generator.metrics().queued_requests, 1);
  generator.cancel(second);
  generator.drain().value();
  EXPECT_EQ(generator.take(third).value().samples[0].tokens.size(), 4u);
}

TEST(Continuous, WhatCanNeverFitIsRefusedInNumbers) {
  const std::int64_t block = std::int64_t{2} * 6 * 128 * 16 * 4;
  Generator generator = open_bundled({.threads = 1, .kv_cache_bytes = 5 * block});
  const Result<RequestId> refused = generator.submit(request_for("ROMEO:", 250));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kOutOfMemory);
  EXPECT_THAT(refused.error().message, HasSubstr("16 blocks (" + std::to_string(16 * block) + " bytes)"));
  EXPECT_THAT(refused.error().message, HasSubstr("5 blocks (" + std::to_string(5 * block) + " bytes)"));
  EXPECT_TRUE(generator.generate(request_for("ROMEO:", 70)).has_value());
  EXPECT_EQ(Generator::open(kBundledModel, {.device = "cpu", .prefill_tokens = 8}).error().code,
            ErrorCode::kInvalidArgument);
}

TEST(Continuous, CallbacksHearOneRequest) {
  Generator generator = open_some({.threads = 1});
  std::string shown, other_text;
  int ended = 0, done = 0;
  RequestId other{};
  Request request = request_for("ROMEO:", 20);
  request.num_samples = 2;
  RequestCallbacks callbacks;
  callbacks.on_event = [&](const StepEvent& event) {
    if (event.sample == 1) shown += event.text;
    EXPECT_FALSE(generator.step().has_value());  // it would wait for itself
    if (other == RequestId{}) other = generator.submit(request_for("K", 3)).value();
  };
  callbacks.on_sample = [&](RequestId, std::int32_t sample, const Sample& result) {
    ++ended;
    if (sample == 1) {
      EXPECT_EQ(result.text, shown);
    }
  };
  callbacks.on_done = [&](const Completion& completion) {
    ++done;
    EXPECT_EQ(completion.samples.size(), 2u);
    EXPECT_EQ(ended, 2);
  };
  const RequestId id = generator.submit(request, callbacks).value();
  for (const StepEvent& event : run_to_the_end(generator)) {
    EXPECT_EQ(event.request, other);
    other_text += event.text;
  }
  EXPECT_EQ(done, 1);
  EXPECT_TRUE(generator.finished(id));
  EXPECT_FALSE(generator.take(id).has_value());
  EXPECT_EQ(generator.take(other).value().samples[0].text, other_text);
  EXPECT_FALSE(generator.step().value().worked);
}

TEST(Continuous, ACallbackThatThrowsEndsItsOwnRequest) {
  Generator generator = open_some({.threads = 1});
  const std::string wanted = only_sample(generator, request_for("JULIET:", 12)).text;
  RequestCallbacks callbacks;
  callbacks.on_event = [](const StepEvent&) { throw std::runtime_error("full"); };
  const RequestId faulty = generator.submit(request_for("ROMEO:", 50), callbacks).value();
  const RequestId sound = generator.submit(request_for("JULIET:", 12)).value();
  generator.drain().value();
  const Sample failed = generator.take(faulty).value().samples[0];
  EXPECT_EQ(failed.finish_reason, FinishReason::kError);
  EXPECT_THAT(failed.error->message, HasSubstr("full"));
  EXPECT_EQ(failed.tokens.size(), 1u);
  EXPECT_EQ(generator.take(sound).value().samples[0].text, wanted);
}

TEST(Continuous, ManyThreadsSubmitStepAndCancel) {
  Generator generator = open_some({.threads = 1, .max_rows = 8});
  std::vector<Request> requests(3, request_for("ROMEO:", 6));  // which share and replace what is compiled
  requests[1].control.constraint = RegexConstraint{"[ -~]{5,9000}"};
  requests[1].control.banned_text = {"e", "th"};
  requests[2].control.constraint = ChoicesConstraint{{"Ay, ay", "No, no"}};
  requests[2].stop.strings = {"o,", "y,"};
  std::vector<std::string> wanted;
  wanted.reserve(requests.size());
  Generator alone = open_some({.threads = 1, .max_rows = 8});
  for (const Request& request : requests) wanted.push_back(only_sample(alone, request).text);
  std::atomic<int> same = 0, cancelled = 0;
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 8; ++i) {
        const auto kind = static_cast<std::size_t>(t + i) % requests.size();
        const RequestId id = generator.submit(requests[kind]).value();
        if (t == 3) generator.cancel(id);
        const Sample sample = generator.wait(id).value().samples[0];
        same += sample.text == wanted[kind] ? 1 : 0;
        cancelled += sample.finish_reason == FinishReason::kCancelled ? 1 : 0;
        EXPECT_GE(generator.metrics().blocks_total, generator.metrics().blocks_used);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GE(same.load(), 24);
  EXPECT_EQ(same.load() + cancelled.load(), 32);
  EXPECT_TRUE(generator.idle());
  EXPECT_FALSE(generator.wait_for_work(std::chrono::milliseconds(0)));
}

}  // namespace
}  // namespace fllm::test
