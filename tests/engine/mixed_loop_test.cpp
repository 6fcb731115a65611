// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "tests/engine/beam_requests.h"
#include "tests/engine/drafting_machine.h"

// Searches beside rows that draw, some of them with drafts, in steps that the device takes by itself: what steps that wait for the
// host come to, whoever comes and goes, and nothing of the host's in between.
namespace fllm::test {
namespace {

/// Of many kinds: with text that may not be and text that must be, with penalties, drawn, in groups.
Request varied_search(int i) {
  Request request = search_for(i % 2 == 0 ? "ROMEO:\nI" : "", 1 + i * 3 % 4, 6 + i * 11 % 29);
  request.sampling.seed = static_cast<std::uint64_t>(i);
  if (i % 3 == 1) request.control.constraint = RegexConstraint{" [a-z]{1,3}( [a-z]{2,4})*[.!]"};
  if (i % 4 == 1) request.sampling.repetition_penalty = 1.2f;
  if (i % 4 == 2) request.stop.strings = {"e ", "and", "\n"};
  if (i % 4 == 3) request.control.banned_text = {"th", "ou"};
  if (i % 5 == 2) {
    request.beam->sample = true;
    request.sampling.temperature = 1.5f;
  }
  if (i % 5 == 4) request.beam->width = request.beam->num_return = 4;
  if (i % 5 == 4) request.beam->diversity_groups = 2;
  return request;
}

/// Every third one searches, the first of them before any other has come.
std::vector<Request> rows_and_varied_searches(int count, SpeculationRule rule) {
  std::vector<Request> requests = drafting_requests(count, rule);
  for (std::size_t i = 0; i < requests.size(); i += 3) requests[i] = varied_search(static_cast<int>(i) / 3);
  return requests;
}

void expect_the_hosts_results(SpeculationRule rule) {
  const std::vector<Request> requests = rows_and_varied_searches(48 / kFewer, rule);
  Request row = request_for("QUEEN:", 30), search = search_for("KING:", 3, 60);
  row.speculation = SpeculationOptions{.rule = rule};
  search.length.min_tokens = 60;
  const EngineLimits waits{.max_rows = 12, .steps_ahead = 0}, goes_on{.max_rows = 12, .steps_ahead = 4};
  for (const Request& cancelled : {row, search}) {
    DraftingMachine waiting(waits, 0), machine(goes_on, 70);
    const std::vector<std::string> wanted = run_with_arrivals(*waiting.runner, requests, cancelled, all_and_counts_of);
    EXPECT_EQ(run_with_arrivals(*machine.runner, requests, cancelled, all_and_counts_of), wanted);
    EXPECT_LT(machine.device.counts.waits, waiting.device.counts.waits * 2 / 3);
  }
}

TEST(MixedLoop, ResultsAreThoseOfStepsThatWait) { expect_the_hosts_results(SpeculationRule::kCoupled); }
TEST(MixedLoop, ResultsAreThoseOfStepsThatWaitByTheRatioRule) { expect_the_hosts_results(SpeculationRule::kRatio); }

/// Rows of every kind that the device goes on with, and searches of three and two beams, one within a constraint.
std::vector<Request> rows_and_searches(std::int32_t tokens, int searches, bool drafts) {
  std::vector<Request> requests;
  for (int i = 0; i < searches; ++i) {
    Request& search = requests.emplace_back(search_for("ROMEO:", 3 - i, tokens));
    search.length.min_tokens = tokens;
    search.sampling.repetition_penalty = i == 0 ? 1.0f : 1.1f;
    if (i == 1) search.control.constraint = RegexConstraint{"( [A-Z][a-z]{1,9}){80,}[.!]"};
  }
  for (int i = 0; i < 4; ++i) {
    Request& request = requests.emplace_back(request_for("ROMEO:", tokens));
    request.sampling.seed = static_cast<std::uint64_t>(i);
    request.length.min_tokens = tokens;
    if (i % 2 == 0) request.sampling.frequency_penalty = 0.3f;
    if (i == 3) request.control.constraint = RegexConstraint{"( [A-Z][a-z]{1,9}){80,}[.!]"};
    if (i == 0) request.control.banned_text = {"th"};
    if (i == 1 || !drafts) continue;
    request.speculation = SpeculationOptions{.rule = i == 0 ? SpeculationRule::kCoupled : SpeculationRule::kRatio,
                                             .draft_tokens = i == 2 ? 1 : 3,
                                             .prompt_lookup = i == 2 ? 2 : 0};
  }
  return requests;
}

void expect_left_alone(int searches, bool drafts) {
  constexpr std::int32_t kDrafts = 3, kSteps = 24 / kFewer;
  // One step ahead, so that what is written in a step is read in it.
  DraftingMachine machine({.max_rows = 9, .steps_ahead = 1}, 0);
  std::vector<RequestId> ids;
  for (Request& request : rows_and_searches(160, searches, drafts)) ids.push_back(machine.runner->submit(request));
  for (int step = 0; step < 20; ++step)
    machine.runner->step();  // the prompts; texts to find something in; the recording
  const DeferredBackend::Counts before = machine.device.counts;
  for (std::int32_t step = 0; step < kSteps; ++step) EXPECT_GE(machine.runner->step().size(), 4U);
  const DeferredBackend::Counts& after = machine.device.counts;
  machine.device.expect_left_alone_since(before);
  EXPECT_EQ(after.replays, before.replays + kSteps);
  // A draft: the small model's embedding, 8 operations in a layer, norm and product, its draw, and what comes of that. Then 6
  // layers of 8, embedding, norm, product; three for all searches, and two for all draws or four with drafts.
  const std::int64_t operations = after.operations - before.operations;
  EXPECT_EQ(operations, kSteps * ((drafts ? kDrafts * (2 * 8 + 3 + 2) + 4 : 2) + 6 * 8 + 3 + 3));
  for (const RequestId id : ids) machine.runner->cancel(id);
}

TEST(MixedLoop, NothingOfTheHostIsInAStep) { expect_left_alone(1, false); }
TEST(MixedLoop, NothingOfTheHostIsInAStepOfTwoSearches) { expect_left_alone(2, false); }
TEST(MixedLoop, NothingOfTheHostIsInAStepWithDrafts) { expect_left_alone(1, true); }
TEST(MixedLoop, NothingOfTheHostIsInAStepWithDraftsOfTwoSearches) { expect_left_alone(2, true); }

/// Results of all but one request, which is cancelled behind so many steps; of that one too where it draws.
std::vector<std::string> results_without(DraftingMachine& machine, std::size_t cancelled, int steps) {
  std::vector<RequestId> ids;
  for (Request& request : rows_and_searches(40, 2, true)) ids.push_back(machine.runner->submit(request));
  for (int step = 0; step < steps; ++step) machine.runner->step();
  machine.runner->cancel(ids[cancelled]);
  machine.runner->submit(search_for("KING:", 2, 5));  // takes what the other has left
  machine.runner->run_to_the_end();
  EXPECT_EQ(machine.runner->engine().metrics().blocks_used, 0);
  std::vector<std::string> texts;
  for (const Completion& result : machine.runner->results()) {
    const bool is_cancelled = result.request == ids[cancelled];
    if (!is_cancelled || cancelled >= 2) texts.push_back(all_and_counts_of(result));
    if (!is_cancelled) continue;
    for (const Sample& sample : result.samples) EXPECT_EQ(sample.finish_reason, FinishReason::kCancelled);
  }
  return texts;
}

// While steps with it are under way. How far a search has come by then is for the device to say; a row has what it had shown.
TEST(MixedLoop, WhoIsCancelledChangesNothingForOthers) {
  for (const std::size_t cancelled : {0U, 1U, 3U, 5U}) {
    for (const int steps : {1, 3, 8}) {
      if (kFewer > 1 && steps != 3) continue;
      DraftingMachine waiting({.max_rows = 9, .steps_ahead = 0}, 0), machine({.max_rows = 9, .steps_ahead = 4}, 90);
      EXPECT_EQ(results_without(machine, cancelled, steps), results_without(waiting, cancelled, steps))
          << cancelled << " behind " << steps << " steps";
    }
  }
}

/// The others go on by themselves, without it.
TEST(MixedLoop, ASearchThatEndsLeavesTheSteps) {
  DraftingMachine machine({.max_rows = 9, .steps_ahead = 4}, 0);
  std::vector<Request> requests = rows_and_searches(60, 1, false);
  requests[0].length.min_tokens = 0;
  requests[0].length.max_tokens = 12;
  for (const Request& request : requests) machine.runner->submit(request);
  for (int step = 0; step < 24; ++step) machine.runner->step();
  EXPECT_EQ(machine.runner->engine().metrics().running_rows, 4);
  const DeferredBackend::Counts before = machine.device.counts;
  for (int step = 0; step < 20; ++step) machine.runner->step();
  machine.device.expect_left_alone_since(before);
  EXPECT_EQ(machine.device.counts.operations - before.operations, 20 * (6 * 8 + 5));
  machine.runner->run_to_the_end();
}

/// Before the others have ended, though they leave it no room but that.
TEST(MixedLoop, ASearchTakesThePlaceOfAnother) {
  DraftingMachine machine({.max_rows = 7, .steps_ahead = 4}, 0);
  std::vector<Request> requests = rows_and_searches(60, 1, false);
  requests[0].length.max_tokens = requests[0].length.min_tokens = 10;
  requests.push_back(requests[0]);
  requests.back().prompt = std::string();
  for (const Request& request : requests) machine.runner->submit(request);
  for (int step = 0; step < 40; ++step) machine.runner->step();
  EXPECT_EQ(machine.runner->engine().metrics().requests_finished, 2);
  EXPECT_EQ(machine.runner->engine().metrics().running_rows, 4);
  machine.runner->run_to_the_end();
}

/// It goes on by itself, several steps at a time, as far ahead as it may be.
TEST(MixedLoop, RowsThatEndLeaveASearchToTheDevice) {
  DraftingMachine machine({.max_rows = 9, .steps_ahead = 4}, 6 * 8 + 6);
  std::vector<Request> requests = rows_and_searches(80, 1, true);
  for (std::size_t i = 1; i < requests.size(); ++i) requests[i].length.max_tokens = requests[i].length.min_tokens = 40;
  for (const Request& request : requests) machine.runner->submit(request);
  do {
    machine.runner->step();
  } while (machine.runner->engine().metrics().running_rows > 3);
  const std::int64_t replays = machine.device.counts.replays;
  for (int step = 0; step < 4; ++step) machine.runner->step();
  EXPECT_EQ(machine.device.counts.replays, replays + 1);  // of sixteen steps
  const DeferredBackend::Counts before = machine.device.counts;
  for (int step = 0; step < 20; ++step) machine.runner->step();
  machine.device.expect_left_alone_since(before);
  machine.runner->run_to_the_end();
}

/// With as many drafts of each row there would be more rows of logits than there are.
TEST(MixedLoop, OneRowMayHaveManyDrafts) {
  std::vector<Request> requests(7, request_for("the the the the", 30));
  for (std::size_t i = 0; i < requests.size(); ++i) requests[i].sampling.seed = i;
  requests[0].speculation = lookup(2, 16);
  requests.insert(requests.begin(), search_for("ROMEO:", 10, 30));
  std::vector<std::vector<std::string>> texts;
  for (const std::int32_t ahead : {0, 4}) {
    DraftingMachine machine({.max_rows = 17, .steps_ahead = ahead}, 90, "", kSmallModel);
    for (const Request& request : requests) machine.runner->submit(request);
    machine.runner->run_to_the_end();
    std::vector<std::string>& found = texts.emplace_back();
    for (const Completion& result : machine.runner->results()) found.push_back(all_and_counts_of(result));
    EXPECT_EQ(machine.device.counts.replays > 4, ahead > 0);
  }
  EXPECT_EQ(texts[1], texts[0]);
}

}  // namespace
}  // namespace fllm::test
