// SPDX-License-Identifier: Apache-2.0
#include "apps/server/ordered_part.h"

#include <cstddef>
#include <nlohmann/json.hpp>

namespace fllm::server {

std::optional<std::string> ordered_part(std::string_view text, const std::vector<std::string>& path) {
  using Ordered = nlohmann::ordered_json;
  constexpr std::size_t kMaxKeys = 4096;
  std::vector<std::size_t> key_counts;  // of the objects that are open
  bool inside = false, fits = true;
  const auto keep = [&](int depth, Ordered::parse_event_t event, Ordered& value) {
    const auto level = static_cast<std::size_t>(depth);
    if (event == Ordered::parse_event_t::object_start) {
      key_counts.resize(level + 1);
      key_counts.back() = 0;
    } else if (event == Ordered::parse_event_t::key) {
      if (level == 1) inside = value == path.front();
      fits = fits && (!inside || ++key_counts.at(level - 1) <= kMaxKeys);
      return inside && fits;
    }
    return true;
  };
  const Ordered whole = Ordered::parse(text, keep);
  if (!fits) return std::nullopt;
  const Ordered* part = &whole;
  for (const std::string& key : path) part = &part->at(key);
  return part->dump();
}

}  // namespace fllm::server
