// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "cuda/backend/backend.h"
#include "host/engine/automaton_memory.h"
#include "host/engine/batch.h"
#include "host/engine/beam_plan.h"
#include "host/engine/regions.h"

namespace fllm {

/// A table that grows with what is in it: written on the host, and uploaded as a whole where it has changed.
template <class T>
class MirroredTable {
 public:
  void put(std::size_t first, std::span<const T> values) {
    if (host_.size() < first + values.size()) host_.resize(first + values.size());
    std::copy(values.begin(), values.end(), host_.begin() + static_cast<std::ptrdiff_t>(first));
    changed_ = changed_ || !values.empty();
  }
  void upload(Backend& backend) {
    if (!changed_) return;
    if (device_.size() < host_.size()) device_ = DeviceArray<T>(backend, 2 * host_.size());
    device_.upload(host_);
    changed_ = false;
  }
  [[nodiscard]] const T* data() const { return device_.data(); }
  [[nodiscard]] std::size_t size() const { return host_.size(); }

 private:
  std::vector<T> host_;
  DeviceArray<T> device_;
  bool changed_ = false;
};

/// Where a search's things are, as long as it is in the batch.
struct BeamPlaces {
  std::int64_t memory = 0, visible = 0, slots = 0;  // of what is there once: bytes, words, histories
  std::int64_t norms = 0;                           // of the table that grows
  AutomatonPlace automaton;
};

/// Memory of the searches in a batch, on the device and where both sides see it. Made when the first search comes: who never
/// searches pays nothing.
class BeamMemory {
 public:
  /// automata must outlive this.
  BeamMemory(Backend& backend, const StepCapacity& capacity, AutomatonMemory& automata);

  /// Most bytes of device memory one search may have.
  [[nodiscard]] static std::size_t bytes_for(const StepCapacity& capacity);

  /// Whether a search has a place now; otherwise it waits until others have gone. One whose arrays are at most bytes_for has one
  /// when it is alone.
  [[nodiscard]] bool has_room(const BeamPlan& plan);
  /// Precondition: has_room.
  [[nodiscard]] BeamPlaces take(const BeamPlan& plan);
  void give_back(const BeamPlan& plan, const BeamPlaces& places);

  /// What a search that begins is to the device. Uploads nothing.
  [[nodiscard]] BeamSearch search_at(const BeamPlan& plan, const BeamPlaces& places) const;
  /// Words the device writes and the host reads: two of news, then proven tokens.
  [[nodiscard]] std::uint32_t* news(const BeamPlaces& places) const {
    return static_cast<std::uint32_t*>(visible_->on_host()) + places.visible;
  }
  /// The prompt's counts, before the first step.
  void put_history(const BeamPlaces& places, std::span<const CountEntry> counts);
  void upload_norms() { norms_.upload(*backend_); }

  [[nodiscard]] HistoryTable history() const;
  [[nodiscard]] const float* norms() const { return norms_.data(); }

 private:
  Backend* backend_;
  StepCapacity capacity_;
  AutomatonMemory* automata_;
  DeviceArray<std::byte> memory_;
  std::unique_ptr<VisibleMemory> visible_;
  DeviceArray<CountEntry> counts_;         // [2 * rows, counts_per_row]; made with the first search that has penalties
  DeviceArray<std::int32_t> count_sizes_;  // [2 * rows]
  Regions free_memory_, free_visible_, free_slots_, free_norms_;
  MirroredTable<float> norms_;
};

}  // namespace fllm
