// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "tests/support/guarded_array.h"

namespace fllm::test {

/// AttentionParams::chunks: NaN between sentinels, so that a chunk which nobody left is seen. Without rows: no memory.
class ChunkMemory {
 public:
  ChunkMemory(Backend& backend, std::int32_t rows, std::int32_t heads, std::int32_t head_dim)
      : rows_(rows),
        columns_(static_cast<std::int32_t>(attention_chunk_columns(heads, head_dim))),
        array_(backend, static_cast<std::size_t>(rows) * static_cast<std::size_t>(stride())) {
    array_.upload(std::vector<float>(array_.size(), std::numeric_limits<float>::quiet_NaN()));
  }

  [[nodiscard]] RowView<float> view() const {
    return rows_ == 0 ? RowView<float>{} : RowView<float>{array_.data(), rows_, columns_, stride()};
  }
  void expect_guards() const { (void)array_.download("chunks"); }

 private:
  [[nodiscard]] std::int32_t stride() const { return columns_ + 3; }

  std::int32_t rows_, columns_;
  GuardedArray<float> array_;
};

}  // namespace fllm::test
