// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "cuda/backend/backend.h"
#include "tests/support/guarded_array.h"

namespace fllm::test {

/// Floats in [-2, 2), the same on every machine.
inline std::vector<float> random_floats(std::size_t count, std::uint32_t seed) {
  std::vector<float> values(count);
  std::uint32_t state = seed * 2654435761u + 12345u;
  for (float& value : values) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<float>(static_cast<std::int32_t>(state) >> 8) * 0x1p-22f;
  }
  return values;
}

inline std::vector<float> to_vector(std::span<const float> values) { return {values.begin(), values.end()}; }

inline bool same_bits(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b) || (std::isnan(a) && std::isnan(b));
}

/// Rows in a backend's memory, apart by more than their length, with sentinels around and between them.
class DeviceRows {
 public:
  DeviceRows(Backend& backend, std::int32_t rows, std::int32_t cols)
      : rows_(rows), cols_(cols), stride_(cols + 3), array_(backend, count()) {}

  /// With random values, the sentinels between rows too.
  DeviceRows(Backend& backend, std::int32_t rows, std::int32_t cols, std::uint32_t seed)
      : DeviceRows(backend, rows, cols) {
    host_ = random_floats(count(), seed);
    upload();
  }

  [[nodiscard]] float& at(std::int32_t row, std::int32_t col) {
    return host_[static_cast<std::size_t>(row) * static_cast<std::size_t>(stride_) + static_cast<std::size_t>(col)];
  }
  [[nodiscard]] std::span<const float> row(std::int32_t index) const {
    return std::span(host_).subspan(static_cast<std::size_t>(index) * static_cast<std::size_t>(stride_),
                                    static_cast<std::size_t>(cols_));
  }
  void upload() { array_.upload(host_); }
  [[nodiscard]] RowView<float> view() const { return {array_.data(), rows_, cols_, stride_}; }
  [[nodiscard]] RowView<const float> input() const { return {array_.data(), rows_, cols_, stride_}; }

  /// Compares with expected [rows][cols]: within tolerance, or bit for bit when that is 0; what lies between rows must be
  /// as it was. Reports the first difference.
  void expect(const std::vector<std::vector<float>>& expected, const std::string& what, float tolerance = 0) const {
    const std::vector<float> got = array_.download(what.c_str());
    const float untouched = std::bit_cast<float>(std::uint32_t{0xA5A5A5A5});
    for (std::size_t i = 0; i < got.size(); ++i) {
      const auto stride = static_cast<std::size_t>(stride_);
      const std::size_t row = i / stride, col = i % stride;
      const bool inside = col < static_cast<std::size_t>(cols_);
      const float want = inside ? expected[row][col] : (host_.empty() ? untouched : host_[i]);
      const bool equal = same_bits(got[i], want) || (inside && std::fabs(got[i] - want) <= tolerance);
      ASSERT_TRUE(equal) << what << ": row " << row << ", column " << col << (inside ? "" : " (between rows)")
                         << ": got " << got[i] << ", want " << want;
    }
  }

 private:
  [[nodiscard]] std::size_t count() const {
    return static_cast<std::size_t>(rows_) * static_cast<std::size_t>(stride_);
  }

  std::int32_t rows_, cols_, stride_;
  GuardedArray<float> array_;
  std::vector<float> host_;
};

template <class T>
class DeviceTable : public GuardedArray<T> {
 public:
  DeviceTable(Backend& backend, const std::vector<T>& values) : GuardedArray<T>(backend, values.size()) {
    this->upload(values);
  }
};

}  // namespace fllm::test
