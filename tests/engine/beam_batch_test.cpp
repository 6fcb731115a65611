// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/engine/beam_requests.h"
#include "tests/support/deferred_backend.h"

// Searches beside others, on a device that falls behind: nothing changes, and nothing of the host is in a step.
namespace fllm::test {
namespace {

/// Requests that search and that draw, of all kinds.
std::vector<Request> mixed_requests(int count) {
  std::vector<Request> requests;
  const std::string speech = "First Citizen:\nBefore we proceed any further, hear me speak.\n\nAll:\n";
  for (int i = 0; i < count; ++i) {
    const std::string prompt = i % 3 == 0 ? speech : i % 3 == 1 ? "ROMEO:" : "";
    Request request =
        i % 4 == 3 ? request_for(prompt, 5 + i * 7 % 23) : search_for(prompt, 1 + i * 3 % 8, 4 + i * 11 % 29);
    request.sampling.seed = static_cast<std::uint64_t>(i);
    if (i % 4 == 3 && i % 8 == 3) request.num_samples = 3;
    if (i % 5 == 0) request.sampling.repetition_penalty = 1.2f;
    if (i % 5 == 1) request.stop.strings = {"e ", "and", "\n\n"};
    if (i % 5 == 2) request.control.prefix = "\nO ";
    if (i % 7 == 2) request.control.banned_text = {"th", "ou"};
    if (i % 7 == 3) request.stop.token_ids = {30, 50};
    if (i % 7 == 4) request.length.min_tokens = 3;
    if (i % 6 == 5) request.sampling.logit_bias = {{40, 2}, {3, -1}};
    if (i % 9 == 6) {
      for (TokenId id = 1; id < 69; ++id) {  // more than a list holds: a mask
        if (id % 23 != 5) request.control.banned_token_ids.push_back(id);
      }
      request.control.prefix.clear();
    }
    if (request.beam && i % 10 == 8) {
      request.beam->sample = true;
      request.sampling.temperature = 1.5f;
      request.sampling.top_k = 9;
    }
    requests.push_back(std::move(request));
  }
  return requests;
}

/// In a batch of their own, and among others that come while they run, with some that are cancelled.
TEST(BeamBatch, OthersChangeNothing) {
  const std::vector<Request> requests = mixed_requests(14 / kFewer);
  const auto cpu = make_backend({.device = "cpu", .threads = 1});
  std::vector<std::string> wanted;
  EngineRunner alone(*cpu, {.max_rows = 8, .steps_ahead = 0});
  for (const Request& request : requests) {
    const RequestId id = alone.submit(request);
    alone.run_to_the_end();
    wanted.push_back(all_of(alone.result(id)));
  }
  Request cancelled = search_for("KING:", 4, 90);
  cancelled.length.min_tokens = 90;
  for (const auto& [ahead, speed] : {std::pair{1, 70}, {4, 30}, {3, 0}}) {
    if (kFewer > 1 && ahead == 1) continue;
    DeferredBackend device(*cpu, speed);
    EngineRunner runner(device, {.max_rows = 17, .prefill_tokens = 32, .steps_ahead = ahead});
    EXPECT_EQ(run_with_arrivals(runner, requests, cancelled), wanted) << ahead << " steps ahead";
  }
}

/// A CPU that refuses to copy keys and values.
class NoCopies final : public ForwardingBackend {
 public:
  using ForwardingBackend::ForwardingBackend;
  void copy_blocks(const CopyBlocksParams&) override { ADD_FAILURE() << "keys and values are copied"; }
};

TEST(BeamBatch, NothingOfTheHostIsInAStep) {
  const auto cpu = make_backend({.device = "cpu", .threads = 1});
  NoCopies uncopied(*cpu);
  constexpr std::int64_t kOperations =
      6 * 8 + 3 + 3;  // of layers; embedding, norm, product; candidates, selection, ancestors
  DeferredBackend device(uncopied, kOperations);
  auto runner = std::make_unique<EngineRunner>(device, EngineLimits{.max_rows = 12});
  constexpr std::int32_t kSteps = 40 / kFewer, kTokens = kSteps + 20;
  for (int i = 0; i < 2; ++i) {
    Request request = search_for("ROMEO:", 2 + i, kTokens);
    request.sampling.repetition_penalty = i == 0 ? 1.0f : 1.1f;
    request.stop.strings = {"no such text"};
    request.control.prefix = i == 0 ? "" : "\n";
    request.length.min_tokens = kTokens;
    runner->submit(std::move(request));
  }
  for (int step = 0; step < 8; ++step) runner->step();  // the prompts; the first step as it is; the recording
  const DeferredBackend::Counts before = device.counts;
  for (std::int32_t step = 0; step < kSteps; ++step) runner->step();
  device.expect_left_alone_since(before);
  const std::int64_t operations = device.counts.operations - before.operations;
  EXPECT_GE(operations, (kSteps - 1) * kOperations);
  EXPECT_LE(operations, (kSteps + 1) * kOperations);
  runner->run_to_the_end();
}

}  // namespace
}  // namespace fllm::test
