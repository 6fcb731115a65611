// SPDX-License-Identifier: Apache-2.0
#include "host/engine/regions.h"

#include <algorithm>
#include <iterator>

namespace fllm {

bool Regions::has(std::int64_t count) const {
  return count == 0 || std::ranges::any_of(free_, [count](const auto& stretch) { return stretch.second >= count; });
}

std::optional<std::int64_t> Regions::take(std::int64_t count) {
  if (count == 0) return 0;
  for (auto stretch = free_.begin(); stretch != free_.end(); ++stretch) {
    const auto [first, length] = *stretch;
    if (length < count) continue;
    free_.erase(stretch);
    if (length > count) free_.emplace(first + count, length - count);
    return first;
  }
  return std::nullopt;
}

void Regions::give_back(std::int64_t first, std::int64_t count) {
  if (count == 0) return;
  auto added = free_.emplace(first, count).first;
  if (const auto after = std::next(added); after != free_.end() && first + count == after->first) {
    added->second += after->second;
    free_.erase(after);
  }
  if (added == free_.begin()) return;
  if (const auto before = std::prev(added); before->first + before->second == first) {
    before->second += added->second;
    free_.erase(added);
  }
}

void Regions::extend(std::int64_t capacity) {
  if (capacity <= capacity_) return;
  const std::int64_t first = capacity_;
  capacity_ = capacity;
  give_back(first, capacity - first);
}

}  // namespace fllm
