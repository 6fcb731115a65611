// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "tests/support/forwarding_backend.h"

namespace fllm::test {

/// Samples as several ranks do, each with a slice of the vocabulary and states and words of its own; their words are added up
/// here in place of a network.
class ShardingBackend : public ForwardingBackend {
 public:
  /// steps: of every launch, the last one included.
  ShardingBackend(Backend& backend, std::int32_t ranks, std::int32_t list_size, std::int32_t steps)
      : ForwardingBackend(backend), ranks_(ranks), list_size_(list_size), steps_(steps) {}

  [[nodiscard]] std::int64_t sample_scratch_elements(std::int32_t, std::int32_t) const override { return 0; }
  void sample(LogitType type, const SampleParams& params) override;

  /// First ids of the slices of a vocabulary, and its end: multiples of 32, as even as they can be, none empty. Fewer slices than
  /// ranks where there are fewer words of 32 ids.
  [[nodiscard]] static std::vector<std::int32_t> slices(std::int32_t vocab, std::int32_t ranks);

 private:
  std::int32_t ranks_, list_size_, steps_;
};

}  // namespace fllm::test
