// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cuda/backend/cuda_backend.h"
#include "cuda/kernels/commit_params.h"
#include "tests/engine/beam_requests.h"
#include "tests/engine/engine_runner.h"
#include "tests/engine/random_llama.h"
#include "tests/support/forwarding_backend.h"

// Recorded steps on the device: the tokens of steps that are enqueued one by one, and nothing of the host's in between.
namespace fllm::test {
namespace {

/// Counts what crosses between host and device. Recorded work is a graph, or is enqueued again each time.
class LoopBackend final : public ForwardingBackend {
 public:
  struct Counts {
    int waits = 0, copies = 0, allocations = 0, recordings = 0, replays = 0, launches = 0;
  };

  LoopBackend(Backend& backend, bool graphs) : ForwardingBackend(backend), graphs_(graphs) {}

  Counts counts;

  [[nodiscard]] void* allocate(std::size_t bytes) override {
    ++counts.allocations;
    return backend().allocate(bytes);
  }
  void upload(void* to, const void* from, std::size_t bytes) override {
    ++counts.copies;
    backend().upload(to, from, bytes);
  }
  void download(void* to, const void* from, std::size_t bytes) override {
    ++counts.copies;
    backend().download(to, from, bytes);
  }
  void synchronize() override {
    ++counts.waits;
    backend().synchronize();
  }
  void commit_rows(const CommitRowsParams& params) override {
    ++counts.launches;
    backend().commit_rows(params);
  }
  void commit_drafts(const DraftLoopParams& params) override {
    ++counts.launches;
    backend().commit_drafts(params);
  }
  [[nodiscard]] std::unique_ptr<RecordedWork> record(const std::function<void()>& work) override {
    ++counts.recordings;
    auto recorded = graphs_ ? backend().record(work) : nullptr;
    return std::make_unique<Replay>(*this, std::move(recorded), work);
  }

 private:
  class Replay final : public RecordedWork {
   public:
    Replay(LoopBackend& owner, std::unique_ptr<RecordedWork> graph, std::function<void()> work)
        : owner_(owner), graph_(std::move(graph)), work_(std::move(work)) {}
    void replay() override {
      ++owner_.counts.replays;
      graph_ != nullptr ? graph_->replay() : work_();
    }

   private:
    LoopBackend& owner_;
    std::unique_ptr<RecordedWork> graph_;
    std::function<void()> work_;
  };
  bool graphs_;
};

/// A result with its sums to six digits: products of other shapes may differ in their last bits.
std::string rounded_text_of(const Completion& completion) {
  std::string text;
  for (const Sample& sample : completion.samples) {
    text += std::string(to_string(sample.finish_reason)) + ' ' + std::to_string(sample.sum_logprob);
    for (const TokenId id : sample.tokens) text += ' ' + std::to_string(id);
    text += '\n';
  }
  if (completion.speculation) text += "of drafts " + std::to_string(completion.speculation->accepted_tokens);
  return text;
}

/// A small model that is its own draft, in an engine on the device.
struct LoopMachine {
  LoopMachine(bool graphs, std::int32_t steps_ahead, std::int32_t max_rows = 6)
      : device(*cuda, graphs),
        runner(device, {.max_rows = max_rows, .steps_ahead = steps_ahead}, open_random_llama(device),
               open_random_llama(device)) {}

  std::vector<std::string> run_to_the_end() {
    runner.run_to_the_end();
    std::vector<std::string> texts;
    for (const Completion& completion : runner.results()) texts.push_back(rounded_text_of(completion));
    return texts;
  }

  std::unique_ptr<Backend> cuda = make_cuda_backend(0);
  LoopBackend device;
  EngineRunner runner;
};

Request request_number(int i) {
  Request request;
  request.prompt = std::string(i % 2 == 0 ? "ROMEO:" : "A longer prompt, of more than one block.\n");
  request.sampling.seed = static_cast<std::uint64_t>(i);
  request.length.max_tokens = 1 + i * 7 % 18;
  if (i % 3 == 1) request.sampling.repetition_penalty = 1.2f;
  if (i % 4 == 2) request.sampling.top_k = 5;
  if (i % 5 == 3) request.num_samples = 2;
  if (i % 4 == 3) request.stop.strings = {"e", "a"};
  if (i % 6 == 4) request.stop.token_ids = {30, 31, 32, 33, 34};
  if (i % 6 == 5) request.length.max_tokens = 100;  // the context of 64 ends it
  if (i % 4 == 1) request.control.constraint = RegexConstraint{"[A-Z][a-z]{2,4}( [a-z]+)*[.!]"};
  if (i % 5 == 2) request.control.banned_text = {"e", "th"};
  return request;
}

TEST(CudaLoop, GraphsDrawWhatSingleLaunchesDraw) {
  std::vector<std::vector<std::string>> found;
  for (const bool graphs : {false, true}) {
    LoopMachine machine(graphs, 4);
    for (int i = 0; i < 12; ++i) {
      machine.runner.submit(request_number(i));
      machine.runner.step();
    }
    found.push_back(machine.run_to_the_end());
    EXPECT_GT(machine.device.counts.replays, 20);
    EXPECT_LE(machine.device.counts.recordings, 4);
  }
  EXPECT_EQ(found[1], found[0]);
  EXPECT_EQ(found[0].size(), 12U);
}

/// Six requests, with steps that wait, single launches one step ahead, and graphs three steps ahead. The seeds are some where no draw
/// is near to another.
void expect_what_waiting_steps_draw(Request (*request)(int), std::int32_t max_rows = 4) {
  std::vector<std::vector<std::string>> found;
  for (const auto& [graphs, ahead] : {std::pair{false, 0}, {false, 1}, {true, 3}}) {
    LoopMachine machine(graphs, ahead, max_rows);
    for (int i = 0; i < 6; ++i) machine.runner.submit(request(i));
    found.push_back(machine.run_to_the_end());
    EXPECT_EQ(machine.device.counts.replays > 1, ahead > 0);
  }
  EXPECT_EQ(found[1], found[0]);
  EXPECT_EQ(found[2], found[0]);
}

TEST(CudaLoop, AndWhatStepsThatWaitDraw) { expect_what_waiting_steps_draw(request_number); }

/// Takes steps in which the host launches graphs alone. Returns how many tokens they come to.
std::size_t step_by_graphs_alone(LoopMachine& machine, int steps) {
  const LoopBackend::Counts before = machine.device.counts;
  std::size_t tokens = 0;
  for (int i = 0; i < steps; ++i) tokens += machine.runner.step().size();
  const LoopBackend::Counts& after = machine.device.counts;
  EXPECT_EQ(after.waits, before.waits);
  EXPECT_EQ(after.copies, before.copies);
  EXPECT_EQ(after.allocations, before.allocations);
  EXPECT_EQ(after.recordings, before.recordings);
  EXPECT_EQ(after.replays, before.replays + steps);
  EXPECT_EQ(after.launches, before.launches);
  return tokens;
}

TEST(CudaLoop, NothingOfTheHostIsInAStep) {
  LoopMachine machine(true, 4, 4);
  for (int i = 0; i < 4; ++i) {
    Request request = request_number(0);
    request.length.max_tokens = request.length.min_tokens = 50;
    request.sampling.seed = static_cast<std::uint64_t>(i);
    if (i == 1) request.control.constraint = RegexConstraint{"[a-z ]{60}"};
    if (i == 2) request.control.banned_text = {"e", "th"};
    if (i == 3) request.control.prefix = "what light through yonder";
    machine.runner.submit(std::move(request));
  }
  for (int i = 0; i < 6; ++i) machine.runner.step();
  EXPECT_EQ(step_by_graphs_alone(machine, 30), 30U * 4);
  machine.run_to_the_end();
}

/// Of both rules, with all that depends on a draft's place in the text.
Request speculating_request(int i) {
  Request request = request_number(i);
  request.num_samples = 1;
  request.speculation = SpeculationOptions{.rule = i % 2 == 0 ? SpeculationRule::kCoupled : SpeculationRule::kRatio,
                                           .draft_tokens = i % 3 == 0 ? 0 : 1 + i % 3,
                                           .prompt_lookup = i % 4 == 1 ? 2 : 0};
  if (i == 3) {
    request.length.max_tokens = 22;
    request.stop = {};
    request.control.prefix = "what light through";
    request.speculation->draft_forced = true;
  }
  if (i == 2) {
    request.length.max_tokens = 24;
    request.control = {};
    request.control.constraint = RegexConstraint{"([a-z]: ?then,[ \\n]?){6}"};
    request.speculation->draft_forced = true;
  }
  if (i % 5 == 4) request.speculation.reset();
  return request;
}

TEST(CudaLoop, GraphsDraftWhatStepsThatWaitDraft) { expect_what_waiting_steps_draw(speculating_request); }

TEST(CudaLoop, NothingOfTheHostIsInAStepWithDrafts) {
  LoopMachine machine(true, 4, 4);
  for (int i = 0; i < 3; ++i) {
    Request request = request_number(0);
    request.length.max_tokens = request.length.min_tokens = 56;
    request.sampling.seed = static_cast<std::uint64_t>(i);
    request.sampling.frequency_penalty = 0.2f;
    if (i == 1) request.control.constraint = RegexConstraint{"[a-z ]{60}"};
    if (i < 2) {
      request.speculation = SpeculationOptions{.rule = i == 0 ? SpeculationRule::kCoupled : SpeculationRule::kRatio,
                                               .draft_tokens = 2 - i,
                                               .prompt_lookup = 2 * i};
    }
    machine.runner.submit(std::move(request));
  }
  for (int i = 0; i < 6; ++i) machine.runner.step();
  EXPECT_GT(step_by_graphs_alone(machine, 6), 6U * 3);
  machine.run_to_the_end();
}

/// Rows that draw, with drafts and without, and searches.
Request mixed_request(int i) {
  if (i % 3 != 1) return i % 2 == 0 ? speculating_request(i) : request_number(i);
  Request request = search_for("ROMEO:", 2 + i % 2, 9 + i);
  if (i % 2 == 0) request.control.constraint = RegexConstraint{"[a-z]{2,4}( [a-z]+)*"};
  if (i % 2 == 1) request.sampling.repetition_penalty = 1.2f;
  return request;
}

TEST(CudaLoop, GraphsSearchBesideRowsAsStepsThatWaitDo) { expect_what_waiting_steps_draw(mixed_request, 8); }

TEST(CudaLoop, NothingOfTheHostIsInAStepWithSearches) {
  for (const bool drafts : {false, true}) {
    LoopMachine machine(true, 4, 8);
    for (int i = 0; i < 5; ++i) {
      Request request = i < 2 ? search_for("ROMEO:", 2 + i, 56) : request_number(0);
      request.length.max_tokens = request.length.min_tokens = 56;
      request.sampling.seed = static_cast<std::uint64_t>(i);
      if (i % 2 == 1) request.control.constraint = RegexConstraint{"[a-z ]{60}"};
      if (drafts && i > 2) {
        request.speculation = SpeculationOptions{.rule = SpeculationRule::kRatio, .draft_tokens = i - 2};
        if (i == 3) request.speculation->prompt_lookup = 2;
      }
      machine.runner.submit(std::move(request));
    }
    for (int i = 0; i < 8; ++i) machine.runner.step();
    EXPECT_GE(step_by_graphs_alone(machine, 6), 6U * 3);
    machine.run_to_the_end();
  }
}

TEST(CudaLoop, RecordedWorkIsNotRunYet) {
  auto device = make_cuda_backend(0);
  DeviceArray<ResidentRow> states(*device, 2);
  states.upload(std::vector<ResidentRow>(2));
  const auto ring = device->allocate_visible(6 * sizeof(std::uint32_t));
  auto* words = static_cast<std::uint32_t*>(ring->on_host());
  std::fill_n(words, 6, kEmptyWord);
  DeviceArray<std::int32_t> numbers(*device, 2);
  DeviceArray<SampleDetail> details(*device, 2);
  DeviceArray<RowSampling> sampling(*device, 2);
  DeviceArray<double> sums(*device, 6);
  const CommitRowsParams params{numbers.data(),
                                details.data(),
                                numbers.data(),
                                sampling.data(),
                                states.data(),
                                numbers.data(),
                                numbers.data(),
                                {static_cast<std::uint32_t*>(ring->on_device()), sums.data(), sums.data(), 3, 2},
                                2,
                                {}};
  device->commit_rows(params);
  device->synchronize();
  const auto recorded = device->record([&] { device->commit_rows(params); });
  device->synchronize();
  EXPECT_EQ(words[2], kEmptyWord);
  recorded->replay();
  recorded->replay();
  while (!device->poll()) {
  }
  EXPECT_EQ(std::vector<std::uint32_t>(words, words + 6), std::vector<std::uint32_t>(6, kIdleWord));
}

}  // namespace
}  // namespace fllm::test
