// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cuda/backend/backend.h"
#include "tests/support/beam_oracle.h"
#include "tests/support/device_rows.h"

namespace fllm::test {

/// What one search has in a backend's memory, as beam_params.h lays it out, with sentinels around everything.
class SearchMemory {
 public:
  SearchMemory(Backend& backend, const BeamCase& asked);

  /// What the kernels see. The arrays hold a pattern: the first step reads none of them.
  [[nodiscard]] BeamSearch start() const;
  /// Reads everything back. Waits for the backend.
  void download();
  /// Overwrites what the search has but what the host sees.
  void fill(unsigned char byte);

  /// Tokens of live beam k, by the ancestors. Of the last download.
  [[nodiscard]] std::vector<std::int32_t> tokens_of(std::int32_t beam, std::int32_t count) const;
  /// Those of a slot of step `count - 1`, by the parents.
  [[nodiscard]] std::vector<std::int32_t> traced(std::int32_t slot, std::int32_t count) const;
  /// Likewise: their log-probabilities.
  [[nodiscard]] std::vector<float> traced_logprobs(std::int32_t slot, std::int32_t count) const;
  [[nodiscard]] std::int32_t ancestor(std::int32_t step, std::int32_t beam) const;
  /// Whether the ancestors of a slot are, in the first `count` steps, those of the download before the last one.
  [[nodiscard]] bool kept_ancestors(std::int32_t slot, std::int32_t count) const;

  /// Of the last download.
  std::vector<float> cum;
  std::vector<std::int32_t> mask_states, stop_states;
  std::vector<BeamHypothesis> pool;
  std::vector<std::uint32_t> news;
  std::vector<std::int32_t> proven_tokens;

 private:
  [[nodiscard]] std::size_t place(std::int32_t step, std::int32_t slot) const {
    return static_cast<std::size_t>(step) * width_ + static_cast<std::size_t>(slot);
  }
  const BeamCase& asked_;
  std::size_t width_, length_;
  GuardedArray<float> device_cum_;
  GuardedArray<std::int32_t> device_mask_states_, device_stop_states_, device_tokens_;
  GuardedArray<std::uint16_t> device_parents_;
  GuardedArray<float> device_logprobs_;
  GuardedArray<std::uint8_t> device_ancestors_;
  GuardedArray<BeamHypothesis> device_pool_;
  std::unique_ptr<VisibleMemory> device_news_, device_proven_;
  std::vector<std::int32_t> tokens_;
  std::vector<std::uint16_t> parents_;
  std::vector<float> logprobs_;
  std::vector<std::uint8_t> ancestors_, earlier_ancestors_;
};

/// A batch of searches on a backend, each beside its oracle. What is read of dead rows would be NaN.
class BeamBatch {
 public:
  /// All cases have the same vocabulary, that of the tables.
  BeamBatch(Backend& backend, LogitType type, std::vector<BeamCase> cases, BeamTables tables);

  /// A step of all searches that are not done, after which everything on the device is what the oracle says.
  void step();
  /// Steps until all are done or something differs.
  void run();
  /// Launches steps on states, slots and counts that make no sense, and looks at the sentinels alone.
  /// few: the largest numbers and those that are all ones.
  void run_on_garbage(bool few);
  /// Runs the searches to their ends as one piece of recorded work, with a model of the last token that is a table on the
  /// device, and compares the ends. record: of the backend, or another way to the same.
  using Record = std::function<std::unique_ptr<RecordedWork>(const std::function<void()>& step, const BeamLoop& loop)>;
  void run_recorded(const Record& record);
  [[nodiscard]] bool done() const;
  [[nodiscard]] const OracleBeamSearch& oracle(std::size_t search) const { return *oracles_[search]; }

 private:
  void set_up_rows();
  void upload_logits();
  void launch();
  void launch_select();
  /// Which of the batch's arrays is overwritten: the searches with searches_, the counts with a byte.
  struct Garbage {
    bool searches = false, counts = false;
    unsigned char byte = 0;
  };
  void upload_garbage(const Garbage& garbage);
  void expect_sentinels();
  void compare(std::size_t index);
  void compare_live(std::size_t index, const BeamState& state);
  void compare_rows(std::size_t index, const std::vector<OracleBeam>& live);
  void compare_pool(std::size_t index);
  [[nodiscard]] BeamParams beam_params() const;
  [[nodiscard]] SampleParams sample_params() const;

  Backend& backend_;
  LogitType type_;
  std::vector<BeamCase> cases_;
  BeamTables tables_;
  std::int32_t vocab_, stride_, rows_ = 0, candidates_ = 1, row_candidates_ = 1;
  std::vector<std::unique_ptr<OracleBeamSearch>> oracles_;
  std::vector<std::unique_ptr<SearchMemory>> memories_;
  // Side tables, of all rows:
  std::vector<RowSampling> sampling_;
  std::vector<std::int32_t> ban_ids_, row_searches_;
  std::vector<BiasEntry> bias_;
  std::vector<CountEntry> counts_;
  std::vector<std::uint32_t> masks_;
  std::vector<std::uint8_t> bytes_;
  std::vector<std::int64_t> offsets_;
  std::vector<float> norms_;
  std::vector<BeamSearch> searches_;
  std::vector<std::vector<std::int32_t>> proven_;  // [searches] as of the last comparison
  std::int32_t slots_ = 0, capacity_ = 1;
  struct Device;
  std::shared_ptr<Device> device_;
};

/// Runs the searches through a backend, step by step beside their oracles.
void expect_beams(Backend& backend, const std::vector<BeamCase>& cases, const BeamTables& tables = {},
                  LogitType type = LogitType::kFloat32);

}  // namespace fllm::test
