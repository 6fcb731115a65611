// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "cuda/backend/backend.h"
#include "tests/support/guarded_array.h"

namespace fllm::test {

/// One row's further filters with its own tables.
struct FilterCase {
  RowFilters values{};  // slot and ranges are filled in
  bool has_slot = true;
  std::vector<std::int32_t> history{};
  std::vector<std::vector<std::int32_t>> words{};
  std::vector<std::int32_t> breakers{};
  float mu = std::numeric_limits<float>::quiet_NaN();

  /// For a failure's message.
  [[nodiscard]] std::string describe() const;
};

/// What the launch of a batch leaves behind, by slot.
struct SequenceState {
  std::vector<std::int32_t> tokens;   // [slots, capacity]
  std::vector<std::int32_t> lengths;  // [slots]
  std::vector<float> mus;             // [slots]
};

/// The further filters of a batch's rows in host memory. Every other slot is nobody's.
class FilterTables {
 public:
  explicit FilterTables(std::int32_t capacity) : capacity_(capacity) {}

  /// Precondition: the history fits the capacity. A full one has a stored length beyond it, an empty one may have one
  /// below 0.
  void add(const FilterCase& row);
  [[nodiscard]] std::int32_t slot_of(std::int32_t row) const { return 2 * row + 1; }
  [[nodiscard]] bool has_slot(std::int32_t row) const {
    return slot_of(row) == rows_[static_cast<std::size_t>(row)].slot;
  }
  [[nodiscard]] const SequenceState& state() const { return state_; }
  [[nodiscard]] std::int32_t capacity() const { return capacity_; }
  /// Pointers to host memory that nobody may write.
  [[nodiscard]] FilterParams host_params() const;

 private:
  friend class DeviceFilters;
  std::int32_t capacity_;
  std::vector<RowFilters> rows_;
  SequenceState state_;
  std::vector<std::int32_t> word_offsets_{0}, word_ids_, breaker_ids_;
};

/// The same in a backend's memory.
class DeviceFilters {
 public:
  DeviceFilters(Backend& backend, const FilterTables& tables);
  [[nodiscard]] FilterParams params() const;
  [[nodiscard]] SequenceState download() const;

 private:
  std::int32_t capacity_;
  DeviceArray<RowFilters> rows_;
  GuardedArray<std::int32_t> tokens_, lengths_;
  GuardedArray<float> mus_;
  DeviceArray<std::int32_t> word_offsets_, word_ids_, breaker_ids_;
};

}  // namespace fllm::test
