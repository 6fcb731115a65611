// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "host/engine/engine.h"
#include "host/model/open_model.h"
#include "tests/engine/bundled_model.h"
#include "tests/engine/completion_text.h"

namespace fllm::test {

/// A model in an engine of its own, on any backend.
class EngineRunner {
 public:
  EngineRunner(Backend& backend, const EngineLimits& limits, OpenedModel model, std::optional<OpenedModel> draft = {})
      : opened_(std::move(model)),
        draft_(std::move(draft)),
        engine_(backend, opened_.model, *opened_.tokenizer, limits, draft_ ? &*draft_ : nullptr) {}
  /// folder: of a bundled model; draft_folder: of a draft model, empty: none.
  EngineRunner(Backend& backend, const EngineLimits& limits, const std::string& folder = kBundledModel,
               const std::string& draft_folder = "")
      : EngineRunner(
            backend, limits, open_model(folder + "/model.pt", backend),
            draft_folder.empty() ? std::nullopt : std::optional(open_model(draft_folder + "/model.pt", backend))) {}

  RequestId submit(Request request) {
    auto state = engine_.prepare(std::move(request));
    const RequestId id{++last_id_};
    state->completion.request = id;
    engine_.enqueue(std::move(state));
    return id;
  }
  void cancel(RequestId id) {
    collect([&] { engine_.end(id, nullptr, output_); });
  }
  /// The events of one step.
  std::vector<StepEvent> step() {
    return collect([&] { engine_.step(output_); });
  }
  void run_to_the_end() {
    while (!engine_.idle()) step();
  }
  [[nodiscard]] const Completion& result(RequestId id) const { return results_.at(static_cast<std::uint64_t>(id)); }
  /// In the order of their requests.
  [[nodiscard]] std::vector<Completion> results() const {
    std::vector<Completion> all;
    all.reserve(results_.size());
    for (const auto& [id, completion] : results_) all.push_back(completion);
    return all;
  }
  [[nodiscard]] Engine& engine() { return engine_; }

 private:
  template <class Action>
  std::vector<StepEvent> collect(const Action& action) {
    output_.events.clear();
    output_.ended.clear();
    output_.finished.clear();
    action();
    for (Completion& completion : output_.finished) {
      const auto id = static_cast<std::uint64_t>(completion.request);
      results_.emplace(id, std::move(completion));
    }
    return std::move(output_.events);
  }

  OpenedModel opened_;
  std::optional<OpenedModel> draft_;
  Engine engine_;
  EngineOutput output_;
  std::map<std::uint64_t, Completion> results_;
  std::uint64_t last_id_ = 0;
};

/// What becomes of requests that come while others run, in their order. After every eighth comes another, twice, to be cancelled:
/// before it begins, and on its way. text: of a result.
inline std::vector<std::string> run_with_arrivals(EngineRunner& runner, const std::vector<Request>& requests,
                                                  const Request& cancelled,
                                                  std::string (*text)(const Completion&) = all_of) {
  std::vector<RequestId> ids, gone;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    ids.push_back(runner.submit(requests[i]));
    for (std::size_t step = 0; step < i % 9; ++step) runner.step();
    if (i % 8 != 6) continue;
    for (const int steps : {0, 3}) {
      gone.push_back(runner.submit(cancelled));
      for (int step = 0; step < steps; ++step) runner.step();
      runner.cancel(gone.back());
    }
  }
  runner.run_to_the_end();
  EXPECT_EQ(runner.engine().metrics().blocks_used, 0);
  EXPECT_EQ(runner.engine().metrics().running_rows, 0);
  for (const RequestId id : gone) {
    for (const Sample& sample : runner.result(id).samples) {
      EXPECT_EQ(sample.finish_reason, FinishReason::kCancelled);
    }
  }
  std::vector<std::string> texts;
  texts.reserve(ids.size());
  for (const RequestId id : ids) texts.push_back(text(runner.result(id)));
  return texts;
}

}  // namespace fllm::test
