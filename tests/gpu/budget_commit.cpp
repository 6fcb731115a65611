// SPDX-License-Identifier: Apache-2.0
#include "tests/gpu/budget_commit.h"

#include <cstdint>
#include <iostream>
#include <vector>

namespace fllm {
namespace {

constexpr std::int32_t kRows = 128, kStates = 512, kTokenBytes = 4, kTokens = 1024;

template <class T>
DeviceArray<T> on_device(Backend& backend, const std::vector<T>& values) {
  DeviceArray<T> array(backend, values.size());
  array.upload(values);
  return array;
}

}  // namespace

void run_commit_steps(Backend& backend) {
  const auto rows = std::size_t{kRows};
  std::vector<std::int32_t> drawn, next;
  std::vector<ResidentRow> states;
  for (std::int32_t i = 0; i < kRows; ++i) {
    drawn.push_back(i * 37 % kTokens);
    states.push_back({.token_limit = 100, .finished = 0, .state = i * 5 % kStates});
  }
  for (std::int32_t i = 0; i < kStates * 256; ++i) next.push_back(i * 31 % kStates);
  std::vector<std::uint8_t> bytes;
  std::vector<std::int64_t> offsets{0};
  for (std::int32_t token = 0; token < kTokens; ++token) {
    for (std::int32_t i = 0; i < kTokenBytes; ++i) bytes.push_back(static_cast<std::uint8_t>('a' + (token + i) % 26));
    offsets.push_back(static_cast<std::int64_t>(bytes.size()));
  }
  const auto device_drawn = on_device(backend, drawn), device_next = on_device(backend, next),
             mask_rows = on_device(backend, std::vector<std::int32_t>(kStates)),
             end_ids = on_device(backend, std::vector<std::int32_t>{-1});
  const auto details = on_device(backend, std::vector<SampleDetail>(rows));
  const auto flags = on_device(backend, std::vector<std::uint8_t>(kStates)), device_bytes = on_device(backend, bytes);
  const auto device_offsets = on_device(backend, offsets);
  RowSampling row;
  row.end_ids = {0, 1};
  auto sampling = on_device(backend, std::vector<RowSampling>(rows, row));
  auto device_states = on_device(backend, states);
  auto tokens = on_device(backend, std::vector<std::int32_t>(rows)),
       positions = on_device(backend, std::vector<std::int32_t>(rows));
  auto sums = on_device(backend, std::vector<double>(2 * rows));
  const auto words = backend.allocate_visible(rows * sizeof(std::uint32_t));
  CommitRowsParams params{device_drawn.data(),
                          details.data(),
                          end_ids.data(),
                          sampling.data(),
                          device_states.data(),
                          tokens.data(),
                          positions.data(),
                          {},
                          kRows,
                          {}};
  params.ring = {static_cast<std::uint32_t*>(words->on_device()), sums.data() + rows, sums.data(), 1, kRows};
  std::cout << "CommitRows, 128 rows|" << kRows << '\n';
  backend.commit_rows(params);
  device_states.upload(states);
  params.automata = {device_next.data(),  mask_rows.data(),      flags.data(),
                     device_bytes.data(), device_offsets.data(), kStates};
  std::cout << "CommitRows, 128 rows with states|" << kRows << '\n';
  backend.commit_rows(params);
  backend.synchronize();
}

}  // namespace fllm
