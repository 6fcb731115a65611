// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "host/engine/engine.h"
#include "host/model/open_model.h"
#include "tests/engine/bundled_model.h"

namespace fllm::test {

/// Everything of a result that may be compared: texts, reasons, sums to the bit, ids.
inline std::string text_of(const Completion& completion) {
  std::string text;
  for (const Sample& sample : completion.samples) {
    text += sample.text + '|' + std::string(to_string(sample.finish_reason)) + '|' +
            std::to_string(std::bit_cast<std::uint64_t>(sample.sum_logprob)) + '|' +
            std::to_string(std::bit_cast<std::uint64_t>(sample.mean_logprob));
    for (const TokenId id : sample.tokens) text += ' ' + std::to_string(id);
    text += '\n';
  }
  return text;
}

/// A bundled model in an engine of its own, on any backend.
class EngineRunner {
 public:
  /// folder: of the model; draft_folder: of a draft model, empty: none.
  EngineRunner(Backend& backend, const EngineLimits& limits, const std::string& folder = kBundledModel,
               const std::string& draft_folder = "")
      : opened_(open_model(folder + "/model.pt", backend)),
        draft_(draft_folder.empty() ? std::nullopt : std::optional(open_model(draft_folder + "/model.pt", backend))),
        engine_(backend, opened_.model, *opened_.tokenizer, limits, draft_ ? &*draft_ : nullptr) {}

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

}  // namespace fllm::test
