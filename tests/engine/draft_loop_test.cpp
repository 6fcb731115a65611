// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "tests/engine/drafting_machine.h"

// Steps with drafts that the device takes by itself: the texts and counts of steps that wait for the host, and nothing of the
// host's in between. The device is a CPU that falls behind.
namespace fllm::test {
namespace {

std::vector<std::string> texts_of(DraftingMachine& machine, const std::vector<Request>& requests) {
  Request cancelled = request_for("QUEEN:", 30);
  cancelled.speculation = requests.front().speculation;
  return run_with_arrivals(*machine.runner, requests, cancelled, all_and_counts_of);
}

void expect_the_hosts_texts(SpeculationRule rule) {
  const std::vector<Request> requests = drafting_requests(48 / kFewer, rule);
  DraftingMachine waiting({.max_rows = 6, .steps_ahead = 0}, 0);
  const std::vector<std::string> wanted = texts_of(waiting, requests);
  EXPECT_EQ(waiting.device.counts.replays, 0);
  for (const auto& [ahead, speed] : {std::pair{1, 0}, {4, 60}}) {
    if (kFewer > 1 && ahead == 1) continue;
    DraftingMachine machine({.max_rows = 6, .steps_ahead = ahead}, speed);
    EXPECT_EQ(texts_of(machine, requests), wanted) << ahead << " steps ahead, speed " << speed;
    EXPECT_GT(machine.device.counts.replays, 40 / kFewer);
    EXPECT_LT(machine.device.counts.waits, waiting.device.counts.waits / 2);
  }
}

TEST(DraftLoop, CoupledTextsAndCountsAreThoseOfStepsThatWait) { expect_the_hosts_texts(SpeculationRule::kCoupled); }
TEST(DraftLoop, RatioTextsAndCountsAreThoseOfStepsThatWait) { expect_the_hosts_texts(SpeculationRule::kRatio); }

/// Steps of four rows of which three draft, one of them from its text, or all where there is no draft model.
void expect_nothing_of_the_host(SpeculationRule rule, const char* draft_model) {
  constexpr std::int32_t kDrafts = 3, kSteps = 12 / kFewer;
  const bool has_model = *draft_model != '\0';
  // One step ahead, so that what is written in a step is read in it.
  DraftingMachine machine({.max_rows = 4, .steps_ahead = 1}, 0, draft_model);
  std::vector<RequestId> ids;
  for (int i = 0; i < 4; ++i) {
    Request request = request_for("ROMEO:", 160);
    request.sampling.seed = static_cast<std::uint64_t>(i);
    request.length.min_tokens = 160;
    if (i != 1) request.speculation = SpeculationOptions{.rule = rule, .draft_tokens = i == 2 ? 1 : kDrafts};
    if (i == 2 || (i != 1 && !has_model)) request.speculation->prompt_lookup = 2;
    if (i % 2 == 0) request.sampling.frequency_penalty = 0.3f;
    if (i == 3) request.control.constraint = RegexConstraint{"( [A-Z][a-z]{1,9}){80,}[.!]"};
    if (i == 0) request.control.banned_text = {"th"};
    ids.push_back(machine.runner->submit(std::move(request)));
  }
  for (int step = 0; step < 30; ++step)
    machine.runner->step();  // the prompts; texts to find something in; the recording
  const DeferredBackend::Counts before = machine.device.counts;
  std::size_t tokens = 0;
  for (std::int32_t step = 0; step < kSteps; ++step) tokens += machine.runner->step().size();
  const DeferredBackend::Counts& after = machine.device.counts;
  EXPECT_GE(tokens, 4U * kSteps);
  machine.device.expect_left_alone_since(before);
  EXPECT_EQ(after.replays, before.replays + kSteps);
  EXPECT_EQ(after.slots - before.slots, kSteps * (4 + kDrafts + 1 + kDrafts));  // of no row more than it drafts
  EXPECT_EQ(after.visible_bytes, before.visible_bytes + static_cast<std::int64_t>(4 * tokens));
  // A draft: the small model's embedding, 8 operations in a layer, norm and product, its draw, and what comes of that. Then 6
  // layers of 8, embedding, norm, product; four operations for all drafts.
  EXPECT_EQ((after.operations - before.operations) / kSteps,
            (has_model ? kDrafts * (2 * 8 + 3 + 2) : 0) + 6 * 8 + 3 + 4);
  EXPECT_EQ((after.operations - before.operations) % kSteps, 0);
  for (const RequestId id : ids) machine.runner->cancel(id);
}

TEST(DraftLoop, NothingOfTheHostIsInAStep) { expect_nothing_of_the_host(SpeculationRule::kCoupled, kSmallModel); }
TEST(DraftLoop, NothingOfTheHostIsInAStepWithoutADraftModel) {
  expect_nothing_of_the_host(SpeculationRule::kRatio, "");
}

/// Samples whose numbers of drafts are automatic, and the slots of all steps that the device took for them.
struct AutomaticRun {
  AutomaticRun(std::int32_t ngram, float temperature, std::int32_t samples = 1) {
    DraftingMachine machine({.max_rows = 8, .steps_ahead = 4}, 60);
    Request request = request_for("ROMEO:", kTokens);
    request.num_samples = samples;
    request.sampling.temperature = temperature;
    request.length.min_tokens = kTokens;
    request.speculation = SpeculationOptions{.prompt_lookup = ngram};
    const RequestId id = machine.runner->submit(request);
    machine.runner->run_to_the_end();
    stats = machine.runner->result(id).speculation.value();
    slots = machine.device.counts.slots;
  }
  static constexpr std::int32_t kTokens = 240;
  SpeculationStats stats;
  std::int64_t slots = 0;
};

TEST(DraftLoop, AutomaticHasFewIdleSlotsWhereTheTextHasNothingToOffer) {
  const AutomaticRun run(3, 1000);  // any character, as likely as any other
  EXPECT_EQ(run.stats.tokens, AutomaticRun::kTokens);
  EXPECT_GT(run.stats.drafted_tokens, 8);
  EXPECT_LE(20 * run.slots, 21 * AutomaticRun::kTokens + 20 * run.stats.accepted_tokens + 20);
}

/// The draft model draws as many for all of its rows.
TEST(DraftLoop, DrawsThatDoNotFitGoWithTheHost) {
  std::vector<std::vector<std::string>> texts;
  for (const std::int32_t ahead : {0, 4}) {
    DraftingMachine machine({.max_rows = 10, .steps_ahead = ahead}, 60);
    for (std::int32_t i = 0; i < 10; ++i) {
      Request request = request_for("ROMEO:", i == 3 ? 20 : 60);
      request.sampling.seed = static_cast<std::uint64_t>(i);
      request.length.min_tokens = request.length.max_tokens;
      request.speculation = SpeculationOptions{.rule = SpeculationRule::kRatio, .draft_tokens = i == 3 ? 16 : 1};
      machine.runner->submit(request);
    }
    while (machine.runner->results().empty()) machine.runner->step();
    EXPECT_EQ(machine.device.counts.replays, 0);  // 10 * 16 are more than 128
    machine.runner->run_to_the_end();
    EXPECT_EQ(machine.device.counts.replays > 4, ahead > 0);
    std::vector<std::string>& found = texts.emplace_back();
    for (const Completion& result : machine.runner->results()) found.push_back(all_and_counts_of(result));
  }
  EXPECT_EQ(texts[1], texts[0]);
}

/// A number that is given is had where something is found.
TEST(DraftLoop, AFixedNumberHasNoIdleSlotsWhereNothingIsFound) {
  constexpr std::int32_t kTokens = 24;
  DraftingMachine machine({.max_rows = 1, .steps_ahead = 4}, 60, "");
  Request request = request_for("ROMEO:", kTokens);
  request.control.constraint = RegexConstraint{
      "[ab][cd][ef][gh][ij][kl][mn][op][qr][st][uv][wx][yz][AB][CD][FG][HI][JK][LN][PQ][ST][UV][WX][YZ]"};  // all new
  request.speculation = SpeculationOptions{.draft_tokens = 8, .prompt_lookup = 1};
  const RequestId id = machine.runner->submit(request);
  machine.runner->run_to_the_end();
  const SpeculationStats stats = machine.runner->result(id).speculation.value();
  EXPECT_EQ(stats.drafted_tokens, 0);
  EXPECT_EQ(stats.steps, kTokens);
  EXPECT_LE(machine.device.counts.slots, kTokens);
}

/// They try drafts at different times.
TEST(DraftLoop, AutomaticHasFewIdleSlotsWhereTextsHaveNothingToOffer) {
  constexpr std::int32_t kSamples = 8, kAll = kSamples * AutomaticRun::kTokens;
  const AutomaticRun run(3, 1000, kSamples);
  EXPECT_EQ(run.stats.tokens, kAll);
  EXPECT_GT(run.stats.drafted_tokens, 8 * kSamples);
  EXPECT_LE(20 * run.slots, 21 * kAll + 20 * run.stats.accepted_tokens + 20 * kSamples);
}

/// Nor has one of which nothing can be guessed where another one has all its drafts.
TEST(DraftLoop, EachSampleHasItsOwnNumberOfSlots) {
  constexpr std::int32_t kTokens = 200, kDrafts = 8, kRows = 5;
  DraftingMachine machine({.max_rows = kRows, .steps_ahead = 4}, 60, "");
  std::vector<RequestId> ids;
  for (std::int32_t i = 0; i < kRows; ++i) {
    Request request = request_for("ROMEO:", kTokens);
    request.sampling.temperature = 1000;
    request.sampling.seed = static_cast<std::uint64_t>(i);
    request.length.min_tokens = kTokens;
    request.speculation = SpeculationOptions{.prompt_lookup = 3};
    if (i == 0) request.control.constraint = RegexConstraint{"(To be, or not to be. )*"};
    ids.push_back(machine.runner->submit(request));
  }
  machine.runner->run_to_the_end();
  std::int64_t slots = 0;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const SpeculationStats stats = machine.runner->result(ids[i]).speculation.value();
    EXPECT_EQ(stats.tokens, kTokens);
    EXPECT_TRUE(i > 0 || 5 * stats.steps < kTokens) << stats.steps;
    slots += i == 0 ? (1 + kDrafts) * stats.steps : stats.steps + stats.drafted_tokens;
  }
  EXPECT_LE(machine.device.counts.slots, slots + 2 * kDrafts);
}

TEST(DraftLoop, AutomaticHasFewIdleSlotsWhereTheDraftModelIsMostlyWrong) {
  const AutomaticRun run(0, 5);
  EXPECT_LT(4 * run.stats.accepted_tokens, run.stats.drafted_tokens);
  EXPECT_GT(run.stats.accepted_tokens, 0);
  EXPECT_LE(run.slots, run.stats.steps + 2 * run.stats.drafted_tokens);
}

TEST(DraftLoop, AutomaticHasAllDraftsWhereTheyHold) {
  const AutomaticRun run(0, 1000);  // the same random bits draw the same
  EXPECT_EQ(run.stats.accepted_tokens, run.stats.drafted_tokens);
  EXPECT_LT(run.stats.steps, 40);
}

/// Texts of which the most part is forced, in runs longer and shorter than a step; of the other part some is looked up.
TEST(DraftLoop, WhatIsForcedNeedsNoHost) {
  std::vector<Request> requests;
  for (int i = 0; i < 6; ++i) {
    Request& request = requests.emplace_back(request_for("ROMEO:", 120));
    request.sampling.seed = static_cast<std::uint64_t>(i);
    request.control.constraint = RegexConstraint{"(Enter [A-Z][a-z]{2}, with a letter from the king\\. ){3}"};
    if (i == 5) request.control = {};
    if (i == 4) request.control.prefix = "Enter Sam, with a";
    if (i == 3) request.control.banned_text = {"t from", "Ent"};  // nothing is left to draw
    if (i == 2) request.stop.strings = {"the k"};
    request.speculation = SpeculationOptions{.rule = i % 2 == 0 ? SpeculationRule::kRatio : SpeculationRule::kCoupled,
                                             .draft_tokens = i == 1 ? 5 : 0,
                                             .prompt_lookup = i == 4 ? 2 : 0,
                                             .draft_forced = i < 4};
    if (i == 5) request.speculation.reset();
  }
  DraftingMachine waiting({.max_rows = 6, .steps_ahead = 0}, 0, "", kSmallModel),
      machine({.max_rows = 6, .steps_ahead = 4}, 60, "", kSmallModel);
  EXPECT_EQ(texts_of(machine, requests), texts_of(waiting, requests));
  EXPECT_GT(machine.device.counts.replays, 10);
  EXPECT_LT(machine.device.counts.waits, waiting.device.counts.waits / 2);
}

/// Guesses at how known text is spelled, of which the texts and counts are those of the host too.
TEST(DraftLoop, WhatIsSpelledNeedsNoHost) {
  std::vector<Request> requests;
  for (int i = 0; i < 12 / kFewer; ++i) {
    Request& request = requests.emplace_back(request_for("ROMEO:", 120));
    request.sampling.seed = static_cast<std::uint64_t>(i);
    request.sampling.temperature = i % 2 == 0 ? 1.0f : 30.0f;
    request.control.constraint = RegexConstraint{"([a-c]: ?(then|that), [x-z],[ \\n]?){6}"};
    if (i % 5 == 4) request.control.banned_text = {": t", "x,"};
    request.speculation = SpeculationOptions{.rule = i % 2 == 0 ? SpeculationRule::kRatio : SpeculationRule::kCoupled,
                                             .draft_tokens = i % 4 == 1 ? 5 : 0,
                                             .prompt_lookup = i % 3 == 0 ? 2 : 0,
                                             .draft_forced = i % 3 != 0};
  }
  DraftingMachine waiting({.max_rows = 6, .steps_ahead = 0}, 0, "", kSmallModel),
      machine({.max_rows = 6, .steps_ahead = 4}, 60, "", kSmallModel);
  EXPECT_EQ(texts_of(machine, requests), texts_of(waiting, requests));
  EXPECT_GT(machine.device.counts.replays, 10);
  EXPECT_LT(machine.device.counts.waits, waiting.device.counts.waits / 2);
  const SpeculationStats stats = machine.runner->engine().metrics().speculation;
  EXPECT_GT(stats.accepted_tokens, 100 / kFewer);
  EXPECT_GT(stats.drafted_tokens - stats.accepted_tokens, 20 / kFewer);
}

/// Of a sample alone: no run is passed by in steps without drafts, and where none comes for long, steps have none.
TEST(DraftLoop, HasNoIdleSlotsForLongWhereNothingIsForced) {
  Request request = request_for("ROMEO:", 200);
  request.control.constraint = RegexConstraint{"([a-z]{25}, with a letter from the king\\. ){2}"};
  request.speculation = SpeculationOptions{.draft_forced = true};
  DraftingMachine waiting({.max_rows = 1, .steps_ahead = 0}, 0, "", kSmallModel),
      machine({.max_rows = 1, .steps_ahead = 4}, 60, "", kSmallModel);
  EXPECT_EQ(texts_of(machine, {request}), texts_of(waiting, {request}));
  const std::int64_t steps = machine.runner->engine().metrics().speculation.steps;
  EXPECT_GT(machine.device.counts.slots, 2 * steps);
  EXPECT_LT(machine.device.counts.slots, 6 * steps);  // of 9 at most
}

}  // namespace
}  // namespace fllm::test
