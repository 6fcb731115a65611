// SPDX-License-Identifier: Apache-2.0
#include "host/model/metadata.h"

#include <fmt/core.h>

#include <cmath>

#include "host/util/quoted_text.h"

namespace fllm {

std::string value_text(const MetadataValue& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return fmt::format("{}", *integer);
  if (const auto* real = std::get_if<double>(&value)) return fmt::format("{}", *real);
  if (const auto* boolean = std::get_if<bool>(&value)) return *boolean ? "true" : "false";
  if (const auto* array = std::get_if<MetadataArray>(&value)) return fmt::format("a list of {}", array->count);
  return quoted_text(std::get<std::string>(value));
}

std::optional<std::int64_t> integer_of(const MetadataValue& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return *integer;
  const auto* real = std::get_if<double>(&value);
  if (real == nullptr || !(std::abs(*real) <= 0x1p53) || std::trunc(*real) != *real) return std::nullopt;
  return static_cast<std::int64_t>(*real);
}

}  // namespace fllm
