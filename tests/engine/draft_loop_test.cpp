// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "tests/engine/engine_runner.h"
#include "tests/engine/speculating_requests.h"
#include "tests/support/deferred_backend.h"

// Steps with drafts that the device takes by itself: the texts and counts of steps that wait for the host, and nothing of the
// host's in between. The device is a CPU that falls behind.
namespace fllm::test {
namespace {

/// A device, and an engine on it that drafts.
struct DraftingMachine {
  DraftingMachine(const EngineLimits& limits, std::int32_t operations_per_poll, const char* model = kBundledModel)
      : cpu(make_backend({.device = "cpu", .threads = 1})),
        device(*cpu, operations_per_poll),
        runner(std::make_unique<EngineRunner>(device, limits, model, kSmallModel)) {}

  std::unique_ptr<Backend> cpu;
  DeferredBackend device;
  std::unique_ptr<EngineRunner> runner;
};

/// Requests that the device may go on with by itself, but for some at the end.
std::vector<Request> drafting_requests(int count, SpeculationRule rule) {
  std::vector<Request> requests;
  for (int i = 0; i < count; ++i) {
    Request& request = requests.emplace_back(varied_request(i));
    if (i < count * 3 / 4) {
      request.logprobs = -1;
      request.sampling.penalty_window = 0;
    }
    if (i % 8 != 5) request.speculation = SpeculationOptions{.rule = rule, .draft_tokens = i % 6};  // others have none
  }
  return requests;
}

std::string all_and_counts_of(const Completion& completion) {
  std::string text = all_of(completion);
  if (!completion.speculation) return text;
  const SpeculationStats& stats = *completion.speculation;
  for (const std::int64_t count :
       {stats.steps, stats.drafted_steps, stats.drafted_tokens, stats.accepted_tokens, stats.tokens}) {
    text += ' ' + std::to_string(count);
  }
  return text;
}

void expect_the_hosts_texts(SpeculationRule rule) {
  const std::vector<Request> requests = drafting_requests(48 / kFewer, rule);
  Request cancelled = request_for("QUEEN:", 30);
  cancelled.speculation = SpeculationOptions{.rule = rule, .draft_tokens = 2};
  const auto texts_of = [&](DraftingMachine& machine) {
    return run_with_arrivals(*machine.runner, requests, cancelled, all_and_counts_of);
  };
  DraftingMachine waiting({.max_rows = 6, .steps_ahead = 0}, 0);
  const std::vector<std::string> wanted = texts_of(waiting);
  EXPECT_EQ(waiting.device.counts.replays, 0);
  for (const auto& [ahead, speed] : {std::pair{1, 0}, {4, 60}}) {
    if (kFewer > 1 && ahead == 1) continue;
    DraftingMachine machine({.max_rows = 6, .steps_ahead = ahead}, speed);
    EXPECT_EQ(texts_of(machine), wanted) << ahead << " steps ahead, speed " << speed;
    EXPECT_GT(machine.device.counts.replays, 40 / kFewer);
    EXPECT_LT(machine.device.counts.waits, waiting.device.counts.waits / 2);
  }
}

TEST(DraftLoop, CoupledTextsAndCountsAreThoseOfStepsThatWait) { expect_the_hosts_texts(SpeculationRule::kCoupled); }
TEST(DraftLoop, RatioTextsAndCountsAreThoseOfStepsThatWait) { expect_the_hosts_texts(SpeculationRule::kRatio); }

/// Steps of four rows of which three draft, each of which restrain has seen.
void expect_nothing_of_the_host(SpeculationRule rule) {
  constexpr std::int32_t kDrafts = 3, kSteps = 12 / kFewer;
  DraftingMachine machine({.max_rows = 4, .steps_ahead = 1}, 0);  // so that what is written in a step is read in it
  for (int i = 0; i < 4; ++i) {
    Request request = request_for("ROMEO:", 160);
    request.sampling.seed = static_cast<std::uint64_t>(i);
    request.length.min_tokens = 160;
    if (i != 1) request.speculation = SpeculationOptions{.rule = rule, .draft_tokens = i == 2 ? 1 : kDrafts};
    if (i % 2 == 0) request.sampling.frequency_penalty = 0.3f;
    if (i == 3) request.control.constraint = RegexConstraint{"( [A-Z][a-z]{1,9}){80,}[.!]"};
    if (i == 0) request.control.banned_text = {"th"};
    machine.runner->submit(std::move(request));
  }
  for (int step = 0; step < 10; ++step) machine.runner->step();  // the prompts; the first step as it is; the recording
  const DeferredBackend::Counts before = machine.device.counts;
  std::size_t tokens = 0;
  for (std::int32_t step = 0; step < kSteps; ++step) tokens += machine.runner->step().size();
  const DeferredBackend::Counts& after = machine.device.counts;
  EXPECT_GT(tokens, 4U * kSteps);
  machine.device.expect_left_alone_since(before);
  EXPECT_EQ(after.replays, before.replays + kSteps);
  EXPECT_EQ(after.visible_bytes, before.visible_bytes + static_cast<std::int64_t>(4 * tokens));
  // A draft: the small model's embedding, 8 operations in a layer, norm and product, its draw, and what comes of that. Then 6
  // layers of 8, embedding, norm, product; three operations for all drafts.
  EXPECT_EQ((after.operations - before.operations) / kSteps, kDrafts * (2 * 8 + 3 + 2) + 6 * 8 + 3 + 3);
  EXPECT_EQ((after.operations - before.operations) % kSteps, 0);
  machine.runner->run_to_the_end();
}

TEST(DraftLoop, NothingOfTheHostIsInAStep) { expect_nothing_of_the_host(SpeculationRule::kCoupled); }
TEST(DraftLoop, NothingOfTheHostIsInAStepByTheRatioRule) { expect_nothing_of_the_host(SpeculationRule::kRatio); }

}  // namespace
}  // namespace fllm::test
