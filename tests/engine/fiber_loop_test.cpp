// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cuda/backend/make_fiber_backend.h"
#include "tests/engine/engine_runner.h"
#include "tests/engine/random_llama.h"
#include "tests/support/deferred_backend.h"

// The device's loop where a kernel is a block of threads: a small model and the bundled tokenizer.
namespace fllm::test {
namespace {

/// What requests of several kinds come to.
std::vector<std::string> drawn_with(std::int32_t steps_ahead) {
  const auto fibers = make_fiber_backend({64, 1});
  DeferredBackend device(*fibers, 40);
  EngineRunner runner(device, {.max_rows = 3, .steps_ahead = steps_ahead}, open_random_llama(device));
  for (std::uint64_t i = 1; i <= 4; ++i) {
    Request request = request_for(i % 2 == 0 ? "ROMEO:" : "K", static_cast<std::int32_t>(3 + 2 * i));
    request.sampling.seed = i;
    if (i % 2 == 0) request.sampling.frequency_penalty = 0.5f;
    if (i == 3) request.control.constraint = RegexConstraint{"[A-Z][a-z]{2,4}( [a-z]+)*"};
    if (i == 4) request.control.banned_text = {"e", "th"};
    runner.submit(std::move(request));
  }
  runner.run_to_the_end();
  EXPECT_EQ(device.counts.replays > 0, steps_ahead > 0);
  std::vector<std::string> drawn;
  for (const Completion& done : runner.results()) drawn.push_back(all_of(done));
  return drawn;
}

TEST(FiberLoop, TokensAreThoseOfStepsThatWait) { EXPECT_EQ(drawn_with(3), drawn_with(0)); }

/// The hypotheses of a search beside a row that draws.
std::vector<std::vector<TokenId>> found_on(Backend& backend) {
  EngineRunner runner(backend, {.max_rows = 4}, open_random_llama(backend));
  for (const bool searches : {true, false}) {
    Request request = request_for("ROMEO:", 5);
    if (searches) request.beam = BeamOptions{.width = 3, .num_return = 3};
    request.sampling.repetition_penalty = 1.2f;
    request.control.banned_text = {"e", "th"};
    if (searches) request.control.constraint = RegexConstraint{"[a-z]{2,4}( [a-z]+)*"};
    runner.submit(std::move(request));
  }
  runner.run_to_the_end();
  std::vector<std::vector<TokenId>> found;
  for (const Completion& done : runner.results()) {
    for (const Sample& sample : done.samples) found.push_back(sample.tokens);
  }
  return found;
}

TEST(FiberLoop, SearchesFindWhatTheyFindWithOneThread) {
  const auto fibers = make_fiber_backend({64, 1});
  const auto cpu = make_backend({.device = "cpu", .threads = 1});
  EXPECT_EQ(found_on(*fibers), found_on(*cpu));
}

/// A request drawn by a model that is its own draft, as blocks of threads.
Completion speculating_on(Backend& backend, std::optional<SpeculationOptions> speculation) {
  EngineRunner runner(backend, {.max_rows = 2}, open_random_llama(backend), open_random_llama(backend));
  Request request = request_for("ROMEO: ", 12);
  request.num_samples = 2;
  request.length.min_tokens = 12;
  request.sampling.frequency_penalty = 0.5f;
  request.control.banned_text = {"e"};
  request.speculation = speculation;
  const RequestId id = runner.submit(std::move(request));
  runner.run_to_the_end();
  return runner.result(id);
}

TEST(FiberLoop, DraftsOfTheModelItselfAllHold) {
  const auto fibers = make_fiber_backend({64, 1});
  const Completion plain = speculating_on(*fibers, std::nullopt);
  const Completion coupled = speculating_on(*fibers, SpeculationOptions{.draft_tokens = 3});
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(coupled.samples[i].tokens, plain.samples[i].tokens);
  const auto cpu = make_backend({.device = "cpu", .threads = 1});
  const SpeculationOptions ratio{.rule = SpeculationRule::kRatio, .draft_tokens = 3};
  const Completion weighed = speculating_on(*fibers, ratio), wanted = speculating_on(*cpu, ratio);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(weighed.samples[i].tokens, wanted.samples[i].tokens);
  for (const Completion* found : {&coupled, &weighed}) {
    EXPECT_EQ(found->speculation->accepted_tokens, found->speculation->drafted_tokens);
    EXPECT_EQ(found->speculation->steps, 2 * (1 + 3)) << "a token, and eleven in blocks of up to four";
  }
}

// Blocks of threads fill the slots.
TEST(FiberLoop, DraftsOfTheDeviceAreThoseOfTheHost) {
  const auto cpu = make_backend({.device = "cpu", .threads = 1});
  const auto fibers = make_fiber_backend({64, 1});
  for (const auto& [rule, ngram] :
       {std::pair{SpeculationRule::kCoupled, 0}, {SpeculationRule::kRatio, 0}, {SpeculationRule::kRatio, 2}}) {
    DeferredBackend device(*fibers, 40);
    const SpeculationOptions options{.rule = rule, .draft_tokens = 3, .prompt_lookup = ngram};
    const Completion found = speculating_on(device, options), wanted = speculating_on(*cpu, options);
    EXPECT_GT(device.counts.replays, 1);
    for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(found.samples[i].tokens, wanted.samples[i].tokens);
    EXPECT_EQ(found.speculation->drafted_tokens, wanted.speculation->drafted_tokens);
    EXPECT_EQ(found.speculation->accepted_tokens, wanted.speculation->accepted_tokens);
  }
}

/// Counts launches of attention whose rows' positions may be shared out.
class ChunkCounter final : public ForwardingBackend {
 public:
  using ForwardingBackend::ForwardingBackend;
  void attention(const AttentionParams& p) override {
    with_memory += p.out.rows <= p.chunks.rows ? 1 : 0;
    backend().attention(p);
  }
  int with_memory = 0;
};

/// What a prompt of more than two tiles goes on with.
Sample continued_on(Backend& backend) {
  EngineRunner runner(backend, {.max_rows = 1, .prefix_cache = false, .steps_ahead = 0},
                      open_random_llama(backend, 512));
  Request request = request_for("", 5);
  for (TokenId i = 0; i < 262; ++i) std::get<std::string>(request.prompt) += "ROMEO: what light"[i % 17];
  const RequestId id = runner.submit(std::move(request));
  runner.run_to_the_end();
  return runner.result(id).samples[0];
}

TEST(FiberLoop, LongContextsAreSharedOutWithoutClusters) {
  const auto fibers = make_fiber_backend({64, 1});
  const auto cpu = make_backend({.device = "cpu", .threads = 1});
  ChunkCounter counter(*fibers);
  const Sample shared_out = continued_on(counter), whole = continued_on(*cpu);
  EXPECT_EQ(counter.with_memory, 2 * 4) << "of two layers, every step but that of the prompt";
  EXPECT_EQ(shared_out.tokens, whole.tokens);
  EXPECT_EQ(shared_out.sum_logprob, whole.sum_logprob);
}

}  // namespace
}  // namespace fllm::test
