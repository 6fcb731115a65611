// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "host/engine/step_recordings.h"
#include "tests/engine/engine_runner.h"
#include "tests/support/deferred_backend.h"
#include "tests/support/expect_error.h"

// Steps the device does by itself, ahead of the host: the same tokens as steps that wait for it, and nothing of the host's
// in between. The device is a CPU that falls behind.
namespace fllm::test {
namespace {

constexpr EngineLimits kWaiting{.max_rows = 6, .steps_ahead = 0};

/// A device and an engine on it.
struct Machine {
  explicit Machine(const EngineLimits& limits, std::int32_t operations_per_poll = 40)
      : cpu(make_backend({.device = "cpu", .threads = 1})),
        device(*cpu, operations_per_poll),
        runner(std::make_unique<EngineRunner>(device, limits)) {}

  std::unique_ptr<Backend> cpu;
  DeferredBackend device;
  std::unique_ptr<EngineRunner> runner;
};

/// Every way a row can end, and everything that a row in the loop may and may not have.
std::vector<Request> requests_of_all_kinds(int count) {
  std::vector<Request> requests;
  const std::string speech = "First Citizen:\nBefore we proceed any further, hear me speak.\n\nAll:\n";
  for (int i = 0; i < count; ++i) {
    Request request = request_for(i % 3 == 0 ? speech : i % 3 == 1 ? "ROMEO:" : "", 1 + i * 11 % 53);
    request.sampling.seed = static_cast<std::uint64_t>(i);
    if (i % 4 == 1) request.num_samples = 3;
    if (i % 5 == 2) request.sampling.temperature = 0;
    if (i % 5 == 3) request.sampling.top_k = 7;
    if (i % 3 == 1) request.sampling.repetition_penalty = 1.2f;
    if (i % 6 == 2) request.sampling.frequency_penalty = 0.5f;
    if (i % 4 == 2) request.sampling.logit_bias = {{40, 2}, {3, -1}};
    if (i % 4 == 3) request.stop.strings = {"e ", "and", "\n\n"};
    if (i % 6 == 1) request.stop.token_ids = {30, 50};
    if (i % 6 == 5) request.length.min_tokens = std::min(6, request.length.max_tokens);
    if (i % 8 == 6) {
      for (TokenId id = 1; id < 69; ++id) {  // more than a list holds: a mask
        if (id % 23 != 5) request.control.banned_token_ids.push_back(id);
      }
    }
    if (i % 17 == 10) request.length.max_tokens = 1000;  // the context ends it
    if (i % 11 == 7 && i % 9 != 0) {
      request.control.prefix = "\nO ";
      request.length.max_tokens = std::max(request.length.max_tokens, 6);
    }
    if (i % 10 == 4) request.control.banned_text = {"th", "e "};
    if (i % 9 == 0) request.control.constraint = RegexConstraint{"( [A-Z][a-z]+)+[.!]"};
    if (i % 9 == 3) request.control.constraint = ChoicesConstraint{{" yea", " nay", " never", " yea and nay"}};
    if (i % 9 == 5) request.control.constraint = RegexConstraint{"[A-Za-z ,.]{9,}"};
    if (i % 18 == 3) request.length.min_tokens = std::min(20, request.length.max_tokens);
    if (i % 18 == 12) request.control.banned_token_ids = {3};  // the end: it ends by itself
    requests.push_back(request);
    if (i < count / 2) continue;  // the others are of kinds that keep the whole batch waiting for the host
    Request& waiting = requests.back();
    if (i % 7 == 3) waiting.sampling.penalty_window = 9;
    if (i % 13 == 9) waiting.logprobs = i % 2;
  }
  return requests;
}

TEST(DeviceLoop, TokensAreThoseOfStepsThatWait) {
  const std::vector<Request> requests = requests_of_all_kinds(36 / kFewer);
  Machine waiting(kWaiting);
  const std::vector<std::string> wanted = run_with_arrivals(*waiting.runner, requests, request_for("QUEEN:", 30));
  EXPECT_EQ(waiting.device.counts.replays, 0);
  for (const auto& [ahead, speed] : {std::pair{1, 70}, {2, 0}, {4, 30}, {4, 200}, {7, 45}}) {
    if (kFewer > 1 && ahead != 2 && speed != 30) continue;
    Machine machine({.max_rows = 6, .kv_cache_bytes = ahead == 2 ? 3 << 20 : 0, .steps_ahead = ahead}, speed);
    EXPECT_EQ(run_with_arrivals(*machine.runner, requests, request_for("QUEEN:", 30)), wanted)
        << ahead << " steps ahead, speed " << speed;
    EXPECT_GT(machine.device.counts.replays, 20 / kFewer);
    EXPECT_LE(machine.device.counts.recordings, 8);  // 1, 2, 4 and 6 rows, before there were masks and since
  }
}

TEST(DeviceLoop, TheCpuRunsItWithoutRecording) {
  const std::vector<Request> requests = requests_of_all_kinds(24 / kFewer);
  const auto texts = [&](std::int32_t ahead) {
    const auto cpu = make_backend({.device = "cpu", .threads = 1});
    EngineRunner runner(*cpu, {.max_rows = 5, .steps_ahead = ahead});
    return run_with_arrivals(runner, requests, request_for("QUEEN:", 30));
  };
  const std::vector<std::string> wanted = texts(0);
  EXPECT_EQ(texts(-1), wanted);
  EXPECT_EQ(texts(3), wanted);
}

/// Forty steps of eight rows, each of which restrain has seen.
void expect_nothing_of_the_host(const std::function<void(Request&, int)>& restrain) {
  Machine machine({.max_rows = 8}, 0);
  constexpr std::int32_t kSteps = 40 / kFewer, kTokens = kSteps + 20;
  for (int i = 0; i < 8; ++i) {
    Request request = request_for("ROMEO:", kTokens);
    request.sampling.seed = static_cast<std::uint64_t>(i);
    request.sampling.repetition_penalty = i % 2 == 0 ? 1.0f : 1.1f;
    request.sampling.logit_bias = {{40, 1}};
    request.stop.strings = {"no such text"};
    request.length.min_tokens = kTokens;
    restrain(request, i);
    machine.runner->submit(std::move(request));
  }
  for (int step = 0; step < 8; ++step) machine.runner->step();  // the prompts; the first step as it is; the recording
  const DeferredBackend::Counts before = machine.device.counts;
  for (std::int32_t step = 0; step < kSteps; ++step) EXPECT_EQ(machine.runner->step().size(), 8U);
  const DeferredBackend::Counts& after = machine.device.counts;
  machine.device.expect_left_alone_since(before);
  EXPECT_EQ(after.replays, before.replays + kSteps);
  EXPECT_EQ(after.visible_bytes, before.visible_bytes + kSteps * 8 * 4);
  // 6 layers of 8 operations; embedding, norm, product, sampling, commit.
  EXPECT_EQ(after.operations, before.operations + kSteps * (6 * 8 + 5));
  machine.runner->run_to_the_end();
}

TEST(DeviceLoop, NothingOfTheHostIsInAStep) {
  expect_nothing_of_the_host([](Request&, int) {});
}

TEST(DeviceLoop, NothingOfTheHostIsInAStepOfRestrainedRows) {
  expect_nothing_of_the_host([](Request& request, int i) {
    if (i % 4 == 1) request.control.constraint = RegexConstraint{"( [A-Z][a-z]{1,9}){40,}[.!]"};
    if (i % 4 == 2) request.control.banned_text = {"th", "e "};
    if (i % 4 == 3) request.control.prefix = " what light through yonder";
    if (i == 5) request.control.banned_text = {"ar"};
  });
}

// A device that draws what the host forbids is found out at once.
class StubbornBackend final : public ForwardingBackend {
 public:
  using ForwardingBackend::ForwardingBackend;
  void commit_rows(const CommitRowsParams& p) override {
    CommitRowsParams without = p;
    without.automata = {};
    backend().commit_rows(without);
  }
};

TEST(DeviceLoop, TheHostDoesNotTakeTheDevicesWordForIt) {
  const auto cpu = make_backend({.device = "cpu", .threads = 1});
  StubbornBackend stubborn(*cpu);
  EngineRunner runner(stubborn, {.max_rows = 2});
  Request request = request_for("ROMEO:", 30);
  request.control.constraint = RegexConstraint{"([A-Z][a-z]){10}"};
  runner.submit(std::move(request));
  expect_error(ErrorCode::kInternal, {"the device has drawn token", "the host allows others"},
               [&] { runner.run_to_the_end(); });
}

// No error: the host goes on with its own masks, beside others that need none.
TEST(DeviceLoop, WhatIsTooLargeForADeviceStaysWithTheHost) {
  Machine machine({.max_rows = 2, .steps_ahead = 2});
  Request request = request_for("ROMEO:", 12);
  request.control.constraint = RegexConstraint{"[a-z ]{40000}"};
  const RequestId id = machine.runner->submit(std::move(request));
  machine.runner->run_to_the_end();
  EXPECT_EQ(machine.device.counts.replays, 0);
  EXPECT_EQ(machine.runner->result(id).samples[0].finish_reason, FinishReason::kIncomplete);
  EXPECT_EQ(machine.runner->result(id).samples[0].tokens.size(), 12U);
}

TEST(DeviceLoop, ARowThatEndsStaysInPlaceUntilItPays) {
  Machine machine({.max_rows = 8});
  for (int i = 0; i < 8; ++i) {
    Request request = request_for("ROMEO:", i < 3 ? 14 : 34);
    request.sampling.seed = static_cast<std::uint64_t>(i);
    request.length.min_tokens = request.length.max_tokens;
    machine.runner->submit(std::move(request));
  }
  for (int step = 0; step < 10; ++step) machine.runner->step();
  const DeferredBackend::Counts before = machine.device.counts;
  for (int step = 0; step < 18; ++step)
    machine.runner->step();  // three end in these: five are left of a step for eight
  EXPECT_EQ(machine.runner->engine().metrics().running_rows, 5);
  EXPECT_EQ(machine.device.counts.waits, before.waits);
  EXPECT_EQ(machine.device.counts.uploaded_bytes, before.uploaded_bytes);
  machine.runner->run_to_the_end();
}

// The host finds stop strings up to four steps late; what the device drew meanwhile is never seen.
TEST(DeviceLoop, StopStringsAtEveryOffset) {
  Machine waiting(kWaiting), machine({.max_rows = 6, .steps_ahead = 4});
  Request plain = request_for("ROMEO:", 40);
  plain.length.min_tokens = 0;
  const RequestId id = waiting.runner->submit(plain);
  waiting.runner->run_to_the_end();
  const std::string text = waiting.runner->result(id).samples[0].text;
  ASSERT_GT(text.size(), 24U);
  for (std::size_t offset = 0; offset < 24; offset += 2 * kFewer - 1) {
    for (const bool keep : {false, true}) {
      Request request = plain;
      request.stop.strings = {text.substr(offset, 1 + offset % 4)};
      request.stop.keep_stop = keep;
      const RequestId first = waiting.runner->submit(request), second = machine.runner->submit(request);
      waiting.runner->run_to_the_end();
      machine.runner->run_to_the_end();
      const Completion &wanted = waiting.runner->result(first), &got = machine.runner->result(second);
      EXPECT_EQ(all_of(got), all_of(wanted)) << offset;
      EXPECT_EQ(got.usage.completion_tokens, wanted.usage.completion_tokens);
    }
  }
  EXPECT_EQ(machine.runner->engine().metrics().tokens_generated +
                static_cast<std::int64_t>(waiting.runner->result(id).samples[0].tokens.size()),
            waiting.runner->engine().metrics().tokens_generated);
}

TEST(DeviceLoop, ACancelledRowHasWhatItHadShown) {
  Machine machine({.max_rows = 4, .steps_ahead = 4});
  Machine waiting(kWaiting);
  for (int steps = 1; steps<9; steps += kFewer> 1 ? 3 : 1) {
    std::vector<std::string> found;
    for (Machine* each : {&waiting, &machine}) {
      const RequestId id = each->runner->submit(request_for("ROMEO:", 40)),
                      other = each->runner->submit(request_for("KING:", 12));
      for (int i = 0; i < steps; ++i) each->runner->step();
      each->runner->cancel(id);
      each->runner->run_to_the_end();
      found.push_back(all_of(each->runner->result(id)) + all_of(each->runner->result(other)));
    }
    EXPECT_EQ(found[1], found[0]) << steps;
  }
}

TEST(DeviceLoop, OneStepIsOneTokenOfEachRow) {
  Machine machine({.max_rows = 4, .steps_ahead = 4});
  for (const std::int32_t tokens : {3, 9, 30}) {
    Request request = request_for("ROMEO:", tokens);
    request.length.min_tokens = tokens;
    machine.runner->submit(std::move(request));
  }
  for (int step = 1; step <= 30; ++step) {
    EXPECT_EQ(machine.runner->step().size(), step <= 3 ? 3U : step <= 9 ? 2U : 1U) << step;
  }
  EXPECT_TRUE(machine.runner->engine().idle());
}

TEST(DeviceLoop, AFaultOfTheDeviceComesUpInTheNextStep) {
  Machine machine({.max_rows = 4});
  machine.runner->submit(request_for("ROMEO:", 40));
  for (int i = 0; i < 6; ++i) machine.runner->step();
  machine.device.fail_in_poll = [] { throw Exception(ErrorCode::kDeviceLost, "it is gone"); };
  expect_error(ErrorCode::kDeviceLost, {"it is gone"}, [&] { machine.runner->run_to_the_end(); });
}

/// Commits nothing.
class SilentBackend final : public ForwardingBackend {
 public:
  using ForwardingBackend::ForwardingBackend;
  void commit_rows(const CommitRowsParams&) override {}
};

TEST(DeviceLoop, ATokenThatNeverComesIsAnError) {
  const auto cpu = make_backend({.device = "cpu", .threads = 1});
  SilentBackend silent(*cpu);
  EngineRunner runner(silent, {.max_rows = 2});
  runner.submit(request_for("ROMEO:", 9));
  expect_error(ErrorCode::kInternal, {"without leaving a token"}, [&] { runner.run_to_the_end(); });
}

TEST(StepRecordings, SizesArePowersOfTwoAndTheLargest) {
  const auto cpu = make_backend({.device = "cpu", .threads = 1});
  DeferredBackend device(*cpu, 0);
  StepRecordings recordings(device, 6);
  std::vector<std::int32_t> sizes;
  for (std::int32_t rows = 1; rows <= 6; ++rows) sizes.push_back(recordings.size_for(rows));
  EXPECT_THAT(sizes, testing::ElementsAre(1, 2, 4, 4, 6, 6));
  EXPECT_EQ(StepRecordings(device, 1).size_for(1), 1);
  EXPECT_EQ(StepRecordings(device, 8).size_for(5), 8);
  EXPECT_EQ(StepRecordings(*cpu, 8).size_for(5), 5);

  int calls = 0;
  for (int i = 0; i < 5; ++i) recordings.run({4, {}}, [&] { ++calls; });
  EXPECT_EQ(calls, 2);  // as it is, and to be recorded
  EXPECT_EQ(device.counts.recordings, 1);
  EXPECT_EQ(device.counts.replays, 4);
  recordings.run({2, {}}, [&] { ++calls; });
  recordings.run({4, {2, 1, 1, false}}, [&] { ++calls; });
  recordings.run({4, {2, 1, 2, false}}, [&] { ++calls; });
  EXPECT_EQ(calls, 5);
  EXPECT_EQ(device.counts.recordings, 1);

  for (std::int32_t drafts = 3; drafts < 63; ++drafts) recordings.run({4, {drafts, 1, 2, false}}, [] {});
  recordings.run({4, {}}, [&] { ++calls; });
  EXPECT_EQ(calls, 5);  // it is still there, as 64 may be
  recordings.run({4, {64, 1, 2, false}}, [] {});
  recordings.run({4, {}}, [&] { ++calls; });
  EXPECT_EQ(calls, 6);
}

TEST(StepRecordings, ThoseBesideOtherSearchesGo) {
  const auto cpu = make_backend({.device = "cpu", .threads = 1});
  DeferredBackend device(*cpu, 0);
  StepRecordings recordings(device, 6);
  int alone = 0, beside = 0;
  const auto run_twice = [&](const BeamLayout& searches) {
    for (int i = 0; i < 2; ++i) recordings.run({4}, [&] { ++alone; });
    for (int i = 0; i < 2; ++i) recordings.run({4, {}, searches}, [&] { ++beside; });
  };
  run_twice({2, 1});
  recordings.forget_other({2, 1});
  run_twice({2, 1});
  EXPECT_EQ(std::pair(alone, beside), std::pair(2, 2));
  recordings.forget_other({2, 3});
  run_twice({2, 1});
  EXPECT_EQ(std::pair(alone, beside), std::pair(2, 4));
}

TEST(AutomatonMemory, HoldsEachOnceAndMakesRoomOfWhatNobodyFollows) {
  const auto cpu = make_backend({.device = "cpu", .threads = 1});
  const OpenedModel opened = open_model(std::string(kBundledModel) + "/model.pt", *cpu);
  const Vocabulary vocabulary(*opened.tokenizer, opened.model);
  AutomatonMemory memory(*cpu, {.rows = 2, .context_length = 8, .vocab = vocabulary.size()}, vocabulary);
  EXPECT_EQ(memory.masks(), nullptr);  // who restrains nothing pays nothing
  EXPECT_EQ(memory.automata().state_count, 0);
  const auto with_states = [](std::size_t count) {
    DeviceAutomaton automaton;
    automaton.stop_at(ByteAutomaton({std::string(count - 1, 'x')}), nullptr);
    return std::make_shared<const DeviceAutomaton>(std::move(automaton));
  };
  const auto first = with_states(20000), second = with_states(20000), small = with_states(5);
  const auto place = memory.take(first), again = memory.take(first), beside = memory.take(small);
  ASSERT_TRUE(place && again && beside);
  EXPECT_EQ(again->states, place->states);
  EXPECT_EQ(beside->states, place->states + 20000);
  EXPECT_EQ(memory.automata().next[(beside->states + 1) * 256 + 'x'], beside->states + 2);  // a CPU's memory
  EXPECT_FALSE(memory.has_room(*second));
  EXPECT_FALSE(memory.take(second));
  memory.give_back(*first);
  EXPECT_FALSE(memory.take(second));  // one still follows it
  memory.give_back(*first);
  EXPECT_TRUE(memory.has_room(*second));
  EXPECT_EQ(memory.take(second)->states, place->states);
  EXPECT_FALSE(memory.take(first));
  EXPECT_EQ(memory.take(small)->states, beside->states);
}

TEST(EngineLimits, StepsAhead) {
  const auto cpu = make_backend({.device = "cpu", .threads = 1});
  for (const std::int32_t wrong : {-2, 65}) {
    expect_error(ErrorCode::kInvalidArgument, {"steps_ahead: " + std::to_string(wrong) + ": must be in [-1, 64]"},
                 [&] { EngineRunner(*cpu, {.steps_ahead = wrong}); });
  }
}

}  // namespace
}  // namespace fllm::test
