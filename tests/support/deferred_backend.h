// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/forwarding_backend.h"

namespace fllm::test {

/// A CPU backend that behaves as a device does: what is enqueued runs later, a little whenever the host asks for progress
/// and all of it when the host waits; recorded work keeps the arguments it was recorded with. Everything is counted.
class DeferredBackend final : public ForwardingBackend {
 public:
  struct Counts {
    std::int64_t operations = 0;  // run
    std::int64_t waits = 0;
    std::int64_t uploaded_bytes = 0, downloaded_bytes = 0;
    std::int64_t visible_bytes = 0;  // written by kernels where the host sees them
    std::int64_t allocations = 0, recordings = 0, replays = 0;
    std::int64_t slots = 0;  // of the steps that were committed
  };

  /// operations_per_poll: how fast the device is; 0: everything runs at once.
  DeferredBackend(Backend& backend, std::int32_t operations_per_poll)
      : ForwardingBackend(backend), operations_per_poll_(operations_per_poll) {}
  ~DeferredBackend() override { EXPECT_TRUE(queue_.empty()) << "work left behind"; }

  Counts counts;
  std::function<void()> fail_in_poll;  // a device that is lost

  /// Steps need nothing of the host.
  void expect_left_alone_since(const Counts& before) const {
    EXPECT_EQ(counts.waits, before.waits);
    EXPECT_EQ(counts.downloaded_bytes, before.downloaded_bytes);
    EXPECT_EQ(counts.uploaded_bytes, before.uploaded_bytes);
    EXPECT_EQ(counts.allocations, before.allocations);
    EXPECT_EQ(counts.recordings, before.recordings);
  }

  [[nodiscard]] void* allocate(std::size_t bytes) override {
    refuse_recording("allocate");
    ++counts.allocations;
    return backend().allocate(bytes);
  }
  void release(void* memory) noexcept override {
    run_all();
    backend().release(memory);
  }
  void upload(void* to, const void* from, std::size_t bytes) override {
    refuse_recording("upload");
    counts.uploaded_bytes += static_cast<std::int64_t>(bytes);
    const auto* source = static_cast<const std::byte*>(from);
    enqueue([this, to, copy = std::vector<std::byte>(source, source + bytes)] {
      backend().upload(to, copy.data(), copy.size());
    });
  }
  void download(void* to, const void* from, std::size_t bytes) override {
    refuse_recording("download");
    counts.downloaded_bytes += static_cast<std::int64_t>(bytes);
    enqueue([this, to, from, bytes] { backend().download(to, from, bytes); });
  }
  void synchronize() override {
    refuse_recording("synchronize");
    ++counts.waits;
    run_all();
  }
  [[nodiscard]] bool poll() override {
    if (fail_in_poll) fail_in_poll();
    for (std::int32_t i = 0; i < operations_per_poll_ && !queue_.empty(); ++i) run_next();
    return queue_.empty();
  }
  [[nodiscard]] std::unique_ptr<VisibleMemory> allocate_visible(std::size_t bytes) override {
    auto memory = backend().allocate_visible(bytes);
    std::memset(memory->on_host(), 0, bytes);
    visible_.push_back({static_cast<const std::byte*>(memory->on_host()), bytes});
    return memory;
  }
  [[nodiscard]] bool replay_pays() const override { return true; }
  [[nodiscard]] std::unique_ptr<RecordedWork> record(const std::function<void()>& work) override {
    return std::make_unique<Recording>(*this, operations_of(work));
  }
  /// Steps are enqueued as often as they may be run; those behind the end of all searches do nothing.
  [[nodiscard]] std::unique_ptr<RecordedWork> record_beams(const std::function<void()>& step,
                                                           const BeamLoop& loop) override {
    const auto goes_on = [loop] {
      const auto is_over = [](const BeamSearch& search) { return search.state.done != 0; };
      return !std::all_of(loop.searches, loop.searches + loop.search_count, is_over);
    };
    std::vector<Operation> operations;
    for (std::int32_t i = 0; i < loop.max_steps; ++i) {
      for (Operation& operation : operations_of(step)) {
        operations.push_back([goes_on, once = std::move(operation)] {
          if (goes_on()) once();
        });
      }
    }
    return std::make_unique<Recording>(*this, std::move(operations));
  }

  void embed(const EmbedParams& p) override { launch(p, &Backend::embed); }
  void rms_norm(const RmsNormParams& p) override { launch(p, &Backend::rms_norm); }
  void layer_norm(const LayerNormParams& p) override { launch(p, &Backend::layer_norm); }
  void rope(const RopeParams& p) override { launch(p, &Backend::rope); }
  void swiglu(const SwiGluParams& p) override { launch(p, &Backend::swiglu); }
  void linear(const LinearParams& p) override { launch(p, &Backend::linear); }
  void kv_append(const KvAppendParams& p) override { launch(p, &Backend::kv_append); }
  void attention(const AttentionParams& p) override { launch(p, &Backend::attention); }
  void gather_rows(const GatherRowsParams& p) override { launch(p, &Backend::gather_rows); }
  void copy_blocks(const CopyBlocksParams& p) override { launch(p, &Backend::copy_blocks); }
  void history_append(const HistoryAppendParams& p) override { launch(p, &Backend::history_append); }
  void commit_rows(const CommitRowsParams& p) override { launch(p, &Backend::commit_rows, p.rows); }
  void extend_drafts(const DraftLoopParams& p) override { launch(p, &Backend::extend_drafts); }
  void propose_drafts(const DraftLoopParams& p) override { launch(p, &Backend::propose_drafts); }
  void commit_drafts(const DraftLoopParams& p) override { launch(p, &Backend::commit_drafts, p.slots); }
  void beam_select(const BeamParams& p) override { launch(p, &Backend::beam_select); }
  void beam_ancestors(const BeamParams& p) override { launch(p, &Backend::beam_ancestors); }
  void beam_candidates(LogitType type, const BeamCandidatesParams& p) override {
    enqueue([this, type, p] { count_run([&] { backend().beam_candidates(type, p); }); });
  }
  void resolve_drafts(LogitType type, const ResolveDraftsParams& p) override {
    enqueue([this, type, p] { count_run([&] { backend().resolve_drafts(type, p); }); });
  }
  void sample(LogitType type, const SampleParams& p) override {
    enqueue([this, type, p] { count_run([&] { backend().sample(type, p); }); });
  }

 private:
  using Operation = std::function<void()>;

  class Recording final : public RecordedWork {
   public:
    Recording(DeferredBackend& owner, std::vector<Operation> operations)
        : owner_(owner), operations_(std::move(operations)) {}
    void replay() override {
      ++owner_.counts.replays;
      for (const Operation& operation : operations_) owner_.enqueue(operation);
    }

   private:
    DeferredBackend& owner_;
    std::vector<Operation> operations_;
  };

  std::vector<Operation> operations_of(const std::function<void()>& work) {
    ++counts.recordings;
    std::vector<Operation> operations;
    recording_ = &operations;
    work();
    recording_ = nullptr;
    return operations;
  }
  template <class Params>
  void launch(const Params& params, void (Backend::*operation)(const Params&), std::int64_t slots = 0) {
    enqueue([this, params, operation, slots] {
      counts.slots += slots;
      count_run([&] { (backend().*operation)(params); });
    });
  }
  void enqueue(Operation operation) {
    if (recording_ != nullptr) return recording_->push_back(std::move(operation));
    queue_.push_back(std::move(operation));
    if (operations_per_poll_ == 0) run_all();
  }
  void run_next() {
    const Operation operation = std::move(queue_.front());
    queue_.pop_front();
    operation();
  }
  void run_all() {
    while (!queue_.empty()) run_next();
  }
  void refuse_recording(const char* what) const { EXPECT_EQ(recording_, nullptr) << what << " while work is recorded"; }

  void count_run(const std::function<void()>& operation) {
    ++counts.operations;
    const auto contents = [this] {
      std::vector<std::byte> bytes;
      for (const auto& [data, size] : visible_) bytes.insert(bytes.end(), data, data + size);
      return bytes;
    };
    const std::vector<std::byte> before = contents();
    operation();
    const std::vector<std::byte> after = contents();
    for (std::size_t i = 0; i + 4 <= before.size(); i += 4) {
      if (std::memcmp(before.data() + i, after.data() + i, 4) != 0) counts.visible_bytes += 4;
    }
  }

  std::int32_t operations_per_poll_;
  std::deque<Operation> queue_;
  std::vector<Operation>* recording_ = nullptr;
  std::vector<std::pair<const std::byte*, std::size_t>> visible_;
};

}  // namespace fllm::test
