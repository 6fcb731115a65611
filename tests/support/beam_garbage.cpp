// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <limits>

#include "tests/support/beam_cases.h"
#include "tests/support/beam_device.h"
#include "tests/support/beam_suite.h"

// What device memory holds need not make sense: every sentinel stays whole, whatever is found.
namespace fllm::test {
namespace {

template <class T>
void fill_with(GuardedArray<T>& array, unsigned char byte) {
  std::vector<unsigned char> bytes(array.size() * sizeof(T), byte);
  std::vector<T> values(array.size());
  if (!bytes.empty()) std::memcpy(static_cast<void*>(values.data()), bytes.data(), bytes.size());
  array.upload(values);
}

std::vector<BeamState> impossible_states(std::int32_t step, bool few) {
  constexpr std::int32_t kLargest = std::numeric_limits<std::int32_t>::max();
  std::vector<BeamState> states;
  for (const std::int32_t value : {kLargest, -1, -kLargest, step + 1}) {
    if (few && value != kLargest && value != -1) continue;
    states.push_back({.step = value});
    states.push_back({.step = step, .live_count = value});
    states.push_back({.step = step, .pool_count = value});
    states.push_back({.step = step, .frozen = value});
    states.push_back({.step = step, .agreed = value});
    states.push_back({.step = step, .proven = value});
    states.push_back({.step = step, .frozen = value, .agreed = value, .proven = value, .leader_ended = value});
  }
  return states;
}

}  // namespace

void SearchMemory::fill(unsigned char byte) {
  fill_with(device_cum_, byte);
  fill_with(device_mask_states_, byte);
  fill_with(device_stop_states_, byte);
  fill_with(device_tokens_, byte);
  fill_with(device_parents_, byte);
  fill_with(device_logprobs_, byte);
  fill_with(device_ancestors_, byte);
  fill_with(device_pool_, byte);
}

void BeamBatch::run_on_garbage(bool few) {
  step();
  const std::vector<BeamSearch> sound = searches_;
  const auto launch_with = [&](const BeamState& state) {
    searches_ = sound;
    for (BeamSearch& search : searches_) search.state = state;
    upload_garbage({.searches = true});
    launch();
  };
  for (const unsigned char byte : {0x00, 0x7f, 0x80, 0xff}) {
    if (few && byte != 0x7f && byte != 0xff) continue;
    for (auto& memory : memories_) memory->fill(byte);
    launch_with({.step = 1, .live_count = cases_[0].rules.width});
    upload_garbage({.searches = true, .counts = true, .byte = byte});
    launch_select();
    for (const BeamState& state : impossible_states(1, few)) launch_with(state);
    for (auto& memory : memories_) memory->download();
  }
  expect_sentinels();
}

void run_garbage_beams(Backend& backend, SuiteSize size) {
  constexpr std::int32_t kVocab = 30;
  TableShape shape;
  shape.vocab = kVocab;
  BeamTables tables = letters(kVocab);
  std::vector<BeamCase> cases;
  for (const std::int32_t width : {4, 300}) {
    if (size != SuiteSize::kFull && width > kMaxSmallBeamWidth) continue;
    BeamCase& asked = cases.emplace_back(beam_case(table_model(shape), kVocab, width, 1, 5));
    asked.rules.stop_start = add_stop_strings(tables, {"abc"});
    asked.rules.mask_start = add_masks(tables, {{1, 2, 3, 4}, {5, 6, 7, 8}});
    asked.histories = true;
  }
  cases[0].rules.group_count = 2;
  cases[0].rules.diversity_penalty = 0.5f;
  BeamBatch(backend, LogitType::kFloat32, cases, tables).run_on_garbage(size == SuiteSize::kFew);
}

}  // namespace fllm::test
