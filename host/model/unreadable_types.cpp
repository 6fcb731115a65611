// SPDX-License-Identifier: Apache-2.0
#include "host/model/unreadable_types.h"

#include <fmt/core.h>

#include "fundamentallm/result.h"
#include "host/util/quoted_text.h"

namespace fllm {
namespace {

constexpr std::size_t kMaxListedTypes = 8;  // a file means a few; more are forged

}  // namespace

void UnreadableTypes::add(std::string_view type, std::string_view tensor) {
  for (Found& found : found_) {
    if (found.type == type) {
      ++found.count;
      return;
    }
  }
  if (found_.size() <= kMaxListedTypes) found_.push_back({std::string(type), std::string(tensor), 1});
}

void UnreadableTypes::refuse(const std::string& source, std::string_view readable) const {
  if (found_.empty()) return;
  std::string list;
  for (std::size_t i = 0; i < found_.size(); ++i) {
    if (i == kMaxListedTypes) {
      list += ", and others";
      break;
    }
    list += fmt::format("{}{} (tensor {}", i == 0 ? "" : ", ", found_[i].type, quoted_text(found_[i].tensor));
    list += found_[i].count == 1 ? ")" : fmt::format(" and {} more)", found_[i].count - 1);
  }
  throw Exception(
      ErrorCode::kUnsupported,
      fmt::format("{}: tensors of a type that cannot be read: {}; those that can: {}", source, list, readable));
}

}  // namespace fllm
