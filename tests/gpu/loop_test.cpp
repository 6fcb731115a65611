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
#include "fundamentallm/result.h"
#include "host/engine/engine.h"
#include "host/model/model.h"
#include "host/model/open_model.h"
#include "host/model/weight_names.h"
#include "host/tokenizer/load_tokenizer.h"
#include "tests/support/forwarding_backend.h"
#include "tests/support/plain_model.h"

// Recorded steps on the device: the tokens of steps that are enqueued one by one, and nothing of the host's in between.
namespace fllm::test {
namespace {

/// Counts what crosses between host and device. Recorded work is a graph, or is enqueued again each time.
class LoopBackend final : public ForwardingBackend {
 public:
  LoopBackend(Backend& backend, bool graphs) : ForwardingBackend(backend), graphs_(graphs) {}

  int waits = 0, copies = 0, allocations = 0, recordings = 0, replays = 0, launches = 0;

  [[nodiscard]] void* allocate(std::size_t bytes) override {
    ++allocations;
    return backend().allocate(bytes);
  }
  void upload(void* to, const void* from, std::size_t bytes) override {
    ++copies;
    backend().upload(to, from, bytes);
  }
  void download(void* to, const void* from, std::size_t bytes) override {
    ++copies;
    backend().download(to, from, bytes);
  }
  void synchronize() override {
    ++waits;
    backend().synchronize();
  }
  void commit_rows(const CommitRowsParams& params) override {
    ++launches;
    backend().commit_rows(params);
  }
  void commit_drafts(const DraftLoopParams& params) override {
    ++launches;
    backend().commit_drafts(params);
  }
  [[nodiscard]] std::unique_ptr<RecordedWork> record(const std::function<void()>& work) override {
    ++recordings;
    auto recorded = graphs_ ? backend().record(work) : nullptr;
    return std::make_unique<Replay>(*this, std::move(recorded), work);
  }

 private:
  class Replay final : public RecordedWork {
   public:
    Replay(LoopBackend& owner, std::unique_ptr<RecordedWork> graph, std::function<void()> work)
        : owner_(owner), graph_(std::move(graph)), work_(std::move(work)) {}
    void replay() override {
      ++owner_.replays;
      graph_ != nullptr ? graph_->replay() : work_();
    }

   private:
    LoopBackend& owner_;
    std::unique_ptr<RecordedWork> graph_;
    std::function<void()> work_;
  };
  bool graphs_;
};

/// A model of two layers with the bundled tokenizer, in an engine on the device.
class LoopMachine {
 public:
  LoopMachine(bool graphs, std::int32_t steps_ahead, std::int32_t max_rows = 6)
      : cuda_(make_cuda_backend(0)),
        device(*cuda_, graphs),
        tokenizer_(load_tokenizer(kTokenizer)),
        model_(make_model(device, tokenizer_->vocab_size())),
        draft_{make_model(device, tokenizer_->vocab_size()), "", load_tokenizer(kTokenizer), ""},
        engine_(device, model_, *tokenizer_, {.max_rows = max_rows, .steps_ahead = steps_ahead}, &draft_) {}

  void submit(Request request) {
    auto state = engine_.prepare(std::move(request));
    state->completion.request = RequestId{++last_id_};
    engine_.enqueue(std::move(state));
  }
  std::size_t step() {
    output_.events.clear();
    output_.ended.clear();
    output_.finished.clear();
    engine_.step(output_);
    for (const Completion& completion : output_.finished) {
      for (const Sample& sample : completion.samples) {
        std::string& text = finished_.emplace_back(std::to_string(static_cast<std::uint64_t>(completion.request)) +
                                                   ": " + std::string(to_string(sample.finish_reason)) + ' ' +
                                                   std::to_string(sample.sum_logprob));
        for (const TokenId id : sample.tokens) text += ' ' + std::to_string(id);
        if (completion.speculation) text += " of drafts " + std::to_string(completion.speculation->accepted_tokens);
      }
    }
    return output_.events.size();
  }
  std::vector<std::string> run_to_the_end() {
    while (!engine_.idle()) step();
    return finished_;
  }

 private:
  std::unique_ptr<Backend> cuda_;

 public:
  LoopBackend device;

 private:
  static Model make_model(Backend& backend, std::int32_t vocab) {
    ModelConfig config = small_llama();
    config.vocab_size = vocab;
    const MemorySource source = as_gguf(random_model(config));
    config.rotary.pairing = RopePairing::kInterleaved;
    return load_model(source, config, weight_names(WeightFormat::kGguf, config.architecture), backend);
  }

  static constexpr const char* kTokenizer = "apps/models/shakespeare/tokenizer.json";

  std::unique_ptr<Tokenizer> tokenizer_;
  Model model_;
  OpenedModel draft_;  // the model itself
  Engine engine_;
  EngineOutput output_;
  std::vector<std::string> finished_;
  std::uint64_t last_id_ = 0;
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
      machine.submit(request_number(i));
      machine.step();
    }
    found.push_back(machine.run_to_the_end());
    EXPECT_GT(machine.device.replays, 20);
    EXPECT_LE(machine.device.recordings, 4);
  }
  EXPECT_EQ(found[1], found[0]);
  EXPECT_GE(found[0].size(), 12U);
}

// As in CudaGenerate: products of other shapes may differ in their last bits, and the seeds are some where no draw is near.
TEST(CudaLoop, AndWhatStepsThatWaitDraw) {
  std::vector<std::vector<std::string>> found;
  for (const std::int32_t ahead : {0, 1, 3}) {
    LoopMachine machine(true, ahead);
    for (int i = 0; i < 6; ++i) machine.submit(request_number(i));
    std::vector<std::string> texts = machine.run_to_the_end();
    std::sort(texts.begin(), texts.end());
    found.push_back(std::move(texts));
  }
  EXPECT_EQ(found[1], found[0]);
  EXPECT_EQ(found[2], found[0]);
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
    machine.submit(std::move(request));
  }
  for (int i = 0; i < 6; ++i) machine.step();
  const int waits = machine.device.waits, copies = machine.device.copies, allocations = machine.device.allocations,
            recordings = machine.device.recordings, replays = machine.device.replays,
            launches = machine.device.launches;
  for (int i = 0; i < 30; ++i) EXPECT_EQ(machine.step(), 4U);
  EXPECT_EQ(machine.device.waits, waits);
  EXPECT_EQ(machine.device.copies, copies);
  EXPECT_EQ(machine.device.allocations, allocations);
  EXPECT_EQ(machine.device.recordings, recordings);
  EXPECT_EQ(machine.device.replays, replays + 30);
  EXPECT_EQ(machine.device.launches, launches);  // the host launches graphs alone
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
  if (i % 5 == 4) request.speculation.reset();
  return request;
}

TEST(CudaLoop, GraphsDraftWhatStepsThatWaitDraft) {
  std::vector<std::vector<std::string>> found;
  for (const auto& [graphs, ahead] : {std::pair{false, 0}, {false, 3}, {true, 3}}) {
    LoopMachine machine(graphs, ahead, 4);
    for (int i = 0; i < 6; ++i) machine.submit(speculating_request(i));
    std::vector<std::string> texts = machine.run_to_the_end();
    std::sort(texts.begin(), texts.end());
    found.push_back(std::move(texts));
    EXPECT_EQ(machine.device.replays > 1, ahead > 0);
  }
  EXPECT_EQ(found[1], found[0]);
  EXPECT_EQ(found[2], found[0]);
}

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
    machine.submit(std::move(request));
  }
  for (int i = 0; i < 6; ++i) machine.step();
  const int waits = machine.device.waits, copies = machine.device.copies, allocations = machine.device.allocations,
            recordings = machine.device.recordings, replays = machine.device.replays,
            launches = machine.device.launches;
  std::size_t tokens = 0;
  for (int i = 0; i < 6; ++i) tokens += machine.step();
  EXPECT_GT(tokens, 3U * 6);
  EXPECT_EQ(machine.device.waits, waits);
  EXPECT_EQ(machine.device.copies, copies);
  EXPECT_EQ(machine.device.allocations, allocations);
  EXPECT_EQ(machine.device.recordings, recordings);
  EXPECT_EQ(machine.device.replays, replays + 6);
  EXPECT_EQ(machine.device.launches, launches);
  machine.run_to_the_end();
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
