// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <limits>
#include <string>

#include "tests/support/device_rows.h"
#include "tests/support/model_oracle.h"
#include "tests/support/model_suite.h"

namespace fllm::test {

void run_layer_norm(Backend& backend) {
  constexpr float kEpsilon = 1e-5f;
  constexpr std::int32_t kRows = 6;
  for (const std::int32_t width : {1, 2, 31, 32, 33, 64, 100, 300, 768}) {
    DeviceRows x(backend, kRows, width, 23), in_place(backend, kRows, width, 23);
    for (DeviceRows* rows : {&x, &in_place}) {
      for (std::int32_t c = 0; c < width; ++c) {
        rows->at(1, c) = 7;                              // no variance: epsilon alone
        rows->at(2, c) = 1000 + 0.01f * rows->at(2, c);  // a mean far from 0
      }
      rows->at(3, width - 1) = std::numeric_limits<float>::quiet_NaN();
      rows->at(4, 0) = -std::numeric_limits<float>::infinity();
      rows->upload();
    }
    const auto count = static_cast<std::size_t>(width);
    const std::vector<float> weight = random_floats(count, 24), bias = random_floats(count, 25);
    const DeviceTable<float> device_weight(backend, weight), device_bias(backend, bias);
    std::vector<std::vector<float>> expected;
    expected.reserve(kRows);
    for (std::int32_t r = 0; r < kRows; ++r) expected.push_back(plain_layer_norm(x.row(r), weight, bias, kEpsilon));
    const DeviceRows out(backend, kRows, width);
    backend.layer_norm({x.input(), device_weight.data(), device_bias.data(), kEpsilon, out.view()});
    out.expect(expected, "layer_norm, width " + std::to_string(width));
    backend.layer_norm({in_place.input(), device_weight.data(), device_bias.data(), kEpsilon, in_place.view()});
    in_place.expect(expected, "layer_norm in place, width " + std::to_string(width));
  }
}

void run_rope(Backend& backend) {
  struct Size {
    std::int32_t heads, head_dim, pairs, columns;
  };
  const std::vector<std::int32_t> positions{0, 5, 1, 5, 8};
  const DeviceTable<std::int32_t> device_positions(backend, positions);
  // All of each head is turned, or less; there are other columns behind, or none.
  for (const Size& size :
       {Size{1, 2, 1, 2}, Size{3, 8, 4, 30}, Size{5, 64, 32, 448}, Size{2, 67, 16, 140}, Size{40, 6, 3, 240}}) {
    for (const RopePairing pairing : {RopePairing::kInterleaved, RopePairing::kHalves}) {
      const DeviceRows angles(backend, 9, 2 * size.pairs, 26);
      const DeviceRows x(backend, 5, size.columns, 27);
      std::vector<std::vector<float>> expected;
      for (std::int32_t r = 0; r < 5; ++r) {
        expected.emplace_back(x.row(r).begin(), x.row(r).end());
        for (std::int32_t head = 0; head < size.heads; ++head) {
          const auto first = static_cast<std::size_t>(head) * static_cast<std::size_t>(size.head_dim);
          const std::vector<float> turned = plain_rope(x.row(r).subspan(first, static_cast<std::size_t>(size.head_dim)),
                                                       angles.row(positions[static_cast<std::size_t>(r)]), pairing);
          std::copy(turned.begin(), turned.end(), expected.back().begin() + static_cast<std::ptrdiff_t>(first));
        }
      }
      backend.rope({x.view(), device_positions.data(), angles.input(), size.heads, size.head_dim, pairing});
      x.expect(expected, "rope, " + std::to_string(size.heads) + " heads of " + std::to_string(size.head_dim) +
                             (pairing == RopePairing::kHalves ? ", halves" : ", interleaved"));
    }
  }
}

void run_swiglu(Backend& backend) {
  constexpr std::int32_t kRows = 3;
  for (const std::int32_t width : {1, 31, 128, 1023, 1024, 1025, 2600}) {
    DeviceRows gate_up(backend, kRows, 2 * width, 28);
    gate_up.at(0, 0) = std::numeric_limits<float>::quiet_NaN();
    gate_up.at(1, width - 1) = -200.0f;
    gate_up.at(2, width / 2) = 1e30f;
    gate_up.upload();
    std::vector<std::vector<float>> expected;
    expected.reserve(kRows);
    for (std::int32_t r = 0; r < kRows; ++r) expected.push_back(plain_swiglu(gate_up.row(r)));
    const DeviceRows out(backend, kRows, width);
    backend.swiglu({gate_up.input(), out.view()});
    out.expect(expected, "swiglu, width " + std::to_string(width));
    // In place: over the gate.
    RowView<float> gate = gate_up.view();
    gate.cols = width;
    backend.swiglu({gate_up.input(), gate});
    for (std::int32_t r = 0; r < kRows; ++r) {
      const auto up = gate_up.row(r).subspan(static_cast<std::size_t>(width));
      expected[static_cast<std::size_t>(r)].insert(expected[static_cast<std::size_t>(r)].end(), up.begin(), up.end());
    }
    gate_up.expect(expected, "swiglu in place, width " + std::to_string(width));
  }
}

}  // namespace fllm::test
