// SPDX-License-Identifier: Apache-2.0
#include "tests/support/history_suite.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include "tests/support/device_rows.h"
#include "tests/support/expect_error.h"

namespace fllm::test {
namespace {

/// Histories on a backend and what they must hold.
class Histories {
 public:
  Histories(Backend& backend, std::int32_t slots, std::int32_t capacity)
      : backend_(backend),
        capacity_(static_cast<std::size_t>(capacity)),
        entries(static_cast<std::size_t>(slots) * capacity_, CountEntry{-7, 5, 0}),
        sizes(static_cast<std::size_t>(slots), 0),
        device_entries_(backend, entries),
        device_sizes_(backend, sizes) {}

  void upload() {
    device_entries_.upload(entries);
    device_sizes_.upload(sizes);
  }
  [[nodiscard]] CountEntry& entry(std::int32_t slot, std::size_t index) {
    return entries[static_cast<std::size_t>(slot) * capacity_ + index];
  }

  struct Row {
    std::int32_t slot = 0;
    std::vector<std::int32_t> ids;
    std::int32_t is_output = 1;
  };

  /// Appends the rows in one launch, and compares table and status with what they must be.
  void append(const std::vector<Row>& rows, std::int32_t vocab) {
    std::vector<std::int32_t> ids, offsets{0}, slots, are_outputs;
    for (const Row& row : rows) {
      ids.insert(ids.end(), row.ids.begin(), row.ids.end());
      offsets.push_back(static_cast<std::int32_t>(ids.size()));
      slots.push_back(row.slot);
      are_outputs.push_back(row.is_output);
    }
    const DeviceTable<std::int32_t> device_ids(backend_, ids), device_offsets(backend_, offsets),
        device_slots(backend_, slots), device_outputs(backend_, are_outputs);
    const GuardedArray<std::uint32_t> status(backend_, rows.size());
    HistoryAppendParams p = params(static_cast<std::int32_t>(rows.size()), vocab);
    p.ids = device_ids.data();
    p.offsets = device_offsets.data();
    p.slots = device_slots.data();
    p.are_outputs = device_outputs.data();
    p.status = status.data();
    backend_.history_append(p);
    const std::vector<std::uint32_t> got = status.download("status");
    for (std::size_t i = 0; i < rows.size(); ++i) {
      EXPECT_EQ(got[i], expect(rows[i], vocab)) << "status of row " << i;
    }
    compare();
  }

  /// One id a row, row i in slot i, as outputs: every optional array null.
  void append_step(const std::vector<std::int32_t>& ids, std::int32_t vocab) {
    const DeviceTable<std::int32_t> device_ids(backend_, ids);
    HistoryAppendParams p = params(static_cast<std::int32_t>(ids.size()), vocab);
    p.ids = device_ids.data();
    backend_.history_append(p);
    for (std::size_t i = 0; i < ids.size(); ++i) expect({static_cast<std::int32_t>(i), {ids[i]}, 1}, vocab);
    compare();
  }

 private:
  [[nodiscard]] HistoryAppendParams params(std::int32_t rows, std::int32_t vocab) const {
    HistoryAppendParams p;
    p.history = {device_entries_.data(), device_sizes_.data(), static_cast<std::int32_t>(capacity_),
                 static_cast<std::int32_t>(sizes.size())};
    p.rows = rows;
    p.vocab = vocab;
    return p;
  }

  /// What a row does, done here; its status.
  std::uint32_t expect(const Row& row, std::int32_t vocab) {
    if (row.slot < 0 || row.slot >= static_cast<std::int32_t>(sizes.size())) return kSampleOk;
    std::uint32_t status = kSampleOk;
    CountEntry* first = entries.data() + static_cast<std::size_t>(row.slot) * capacity_;
    for (const std::int32_t id : row.ids) {
      if (id < 0 || id >= vocab) continue;
      std::int32_t& size = sizes[static_cast<std::size_t>(row.slot)];
      const std::int32_t used = std::clamp(size, 0, static_cast<std::int32_t>(capacity_));
      CountEntry* found = std::find_if(first, first + used, [id](const CountEntry& e) { return e.id == id; });
      if (found == first + used) {
        if (used == static_cast<std::int32_t>(capacity_)) {
          status = kSampleFull;
          continue;
        }
        *found = {id, 0, 1};
        size = used + 1;
      }
      found->repeated = 1;
      if (row.is_output != 0 && found->output_count < 0x7fffffff) found->output_count = found->output_count + 1;
    }
    return status;
  }

  void compare() const {
    const std::vector<CountEntry> got = device_entries_.download("entries");
    ASSERT_EQ(device_sizes_.download("sizes"), sizes);
    for (std::size_t i = 0; i < got.size(); ++i) {
      ASSERT_EQ(got[i].id, entries[i].id) << "slot " << i / capacity_ << ", entry " << i % capacity_;
      ASSERT_EQ(got[i].output_count, entries[i].output_count) << "slot " << i / capacity_ << ", id " << got[i].id;
      ASSERT_EQ(got[i].repeated, entries[i].repeated) << "slot " << i / capacity_ << ", id " << got[i].id;
    }
  }

  Backend& backend_;
  std::size_t capacity_;

 public:
  std::vector<CountEntry> entries;  // [slots, capacity]
  std::vector<std::int32_t> sizes;  // [slots]

 private:
  DeviceTable<CountEntry> device_entries_;
  DeviceTable<std::int32_t> device_sizes_;
};

}  // namespace

void run_history_steps(Backend& backend) {
  std::mt19937_64 random(1);
  Histories histories(backend, 5, 40);
  for (int step = 0; step < 60; ++step) {
    std::vector<std::int32_t> ids(5);
    for (std::int32_t& id : ids) id = static_cast<std::int32_t>(random() % 12);
    if (step % 10 == 0) ids[2] = -1;
    if (step % 10 == 5) ids[3] = 12;
    histories.append_step(ids, 12);
    if (testing::Test::HasFatalFailure()) return;
  }
  histories.append_step({}, 12);
  histories.append({}, 12);
}

void run_history_ranges(Backend& backend) {
  std::mt19937_64 random(2);
  constexpr std::int32_t kSlots = 7, kVocab = 600;
  Histories histories(backend, kSlots, 700);  // entries beyond the threads of a block
  const std::vector<std::int32_t> lengths = {0, 1, 2, 31, 64, 300, 5};
  for (int launch = 0; launch < 4; ++launch) {
    std::vector<std::int32_t> slots = {0, 1, 2, 3, 4, 5, 6};
    std::shuffle(slots.begin(), slots.end(), random);
    std::vector<Histories::Row> rows;
    for (std::size_t i = 0; i < slots.size(); ++i) {
      Histories::Row row{slots[i], {}, static_cast<std::int32_t>(random() % 2)};
      // Few ids make runs of the same one, whose second must find the first.
      const std::uint64_t ids = random() % 2 == 0 ? 3 : kVocab + 1;
      for (std::int32_t t = 0; t < lengths[i]; ++t) row.ids.push_back(static_cast<std::int32_t>(random() % ids) - 1);
      rows.push_back(row);
      if (i % 3 == 0) rows.push_back({i == 0 ? -1 : kSlots, {1, 2, 3}, 1});  // no slots
    }
    rows.push_back({INT32_MIN, {4}, 1});
    rows.push_back({INT32_MAX, {4}, 1});
    histories.append(rows, kVocab);
    if (testing::Test::HasFatalFailure()) return;
  }
}

void run_history_limits(Backend& backend) {
  Histories histories(backend, 5, 4);
  histories.sizes = {0, 4, -3, 2, 0x7fffffff};
  for (std::size_t i = 0; i < 4; ++i) {
    histories.entry(1, i) = {static_cast<std::int32_t>(10 + i), 0x7ffffffe, 0};
    histories.entry(4, i) = {static_cast<std::int32_t>(20 + i), 1, 0};
    histories.entry(3, i) = {30, static_cast<std::uint32_t>(i), 0};  // one id twice: the first counts
  }
  histories.upload();
  histories.append({{0, {1, 2, 1, 3, 4, 5, 1, 6, 4}, 1},  // full at the fifth id; known ones go on counting
                    {1, {10, 10, 10, 99, 11}, 1},
                    {2, {8, 8}, 0},
                    {4, {23, 7}, 1},
                    {3, {30, 30, 31}, 1}},
                   100);
  histories.append({{0, {9}, 1}, {1, {13}, 0}}, 100);
  histories.append({{3, {31, 30}, 1}, {0, {0x7fffffff, -0x7fffffff - 1}, 1}}, 100);

  Histories wide(backend, 1, 1100);  // more than a block has threads
  wide.sizes = {1099};
  for (std::int32_t i = 0; i < 1099; ++i) wide.entry(0, static_cast<std::size_t>(i)) = {i, 0, 1};
  wide.entry(0, 1024).id = 0;  // again the first counts, though one thread sees both
  wide.upload();
  wide.append({{0, {0, 1098, 2000, 2000, 2001, 0}, 1}}, 5000);
}

void run_history_refusals(Backend& backend) {
  CountEntry entries[2]{};
  std::int32_t size = 0, id = 0;
  HistoryAppendParams p;
  p.history = {entries, &size, 2, 1};
  p.ids = &id;
  p.rows = 1;
  p.vocab = 10;
  const auto refused = [&](const char* part, const auto& change) {
    HistoryAppendParams wrong = p;
    change(wrong);
    expect_error(ErrorCode::kInvalidArgument, {"history_append: ", part}, [&] { backend.history_append(wrong); });
  };
  refused("rows is -1", [](auto& w) { w.rows = -1; });
  refused("vocab is 0", [](auto& w) { w.vocab = 0; });
  refused("history capacity is 0", [](auto& w) { w.history.capacity = 0; });
  refused("history slot_count is 0", [](auto& w) { w.history.slot_count = 0; });
  refused("history entries or sizes missing", [](auto& w) { w.history.entries = nullptr; });
  refused("history entries or sizes missing", [](auto& w) { w.history.sizes = nullptr; });
  refused("ids missing", [](auto& w) { w.ids = nullptr; });
}

}  // namespace fllm::test
