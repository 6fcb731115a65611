// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>

namespace fllm {

/// Stretches of a table that are taken for a while and given back, the first that is long enough.
class Regions {
 public:
  explicit Regions(std::int64_t capacity = 0) { extend(capacity); }

  [[nodiscard]] std::int64_t capacity() const { return capacity_; }
  /// Whether take would find so many.
  [[nodiscard]] bool has(std::int64_t count) const;
  /// The first of `count` that follow each other; none: there is no such stretch.
  [[nodiscard]] std::optional<std::int64_t> take(std::int64_t count);
  void give_back(std::int64_t first, std::int64_t count);
  /// More of the table, behind what there is.
  void extend(std::int64_t capacity);

 private:
  std::int64_t capacity_ = 0;
  std::map<std::int64_t, std::int64_t> free_;  // first -> count; no two touch
};

}  // namespace fllm
