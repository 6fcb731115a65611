// SPDX-License-Identifier: Apache-2.0
#include "host/model/config_fields.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "fundamentallm/result.h"

namespace fllm {
namespace {

std::optional<double> real_of(const MetadataValue& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return static_cast<double>(*integer);
  if (const auto* real = std::get_if<double>(&value)) return *real;
  return std::nullopt;
}

bool is_nothing(const MetadataValue& value) {
  if (const auto* boolean = std::get_if<bool>(&value)) return !*boolean;
  return real_of(value) == 0.0;
}

}  // namespace

std::optional<MetadataValue> ConfigFields::find(std::string_view key) const {
  return view_.find(fmt::format("{}{}", prefix_, key));
}

void ConfigFields::problem(std::string_view key, const std::optional<MetadataValue>& value, std::string_view what,
                           bool unsupported) {
  problems_.push_back(value ? fmt::format("{}{}: {}: {}", prefix_, key, value_text(*value), what)
                            : fmt::format("{}{}: {}", prefix_, key, what));
  only_unsupported_ = only_unsupported_ && unsupported;
}

std::int32_t ConfigFields::integer(std::string_view key, std::int32_t least, std::int32_t most,
                                   std::optional<std::int32_t> fallback) {
  const std::optional<MetadataValue> value = find(key);
  if (!value) {
    if (!fallback) problem(key, value, "is missing", false);
    return fallback.value_or(least);
  }
  const std::optional<std::int64_t> number = integer_of(*value);
  if (number && *number >= least && *number <= most) return static_cast<std::int32_t>(*number);
  problem(key, value, fmt::format("must be an integer in [{}, {}]", least, most), false);
  return fallback.value_or(least);
}

double ConfigFields::real(std::string_view key, double least, double most, std::optional<double> fallback) {
  const std::optional<MetadataValue> value = find(key);
  if (!value) {
    if (!fallback) problem(key, value, "is missing", false);
    return fallback.value_or(least);
  }
  const std::optional<double> number = real_of(*value);
  if (number && *number >= least && *number <= most) return *number;
  problem(key, value, fmt::format("must be a number in [{}, {}]", least, most), false);
  return fallback.value_or(least);
}

bool ConfigFields::boolean(std::string_view key, bool fallback) {
  const std::optional<MetadataValue> value = find(key);
  if (!value) return fallback;
  if (const auto* boolean = std::get_if<bool>(&*value)) return *boolean;
  problem(key, value, "must be true or false", false);
  return fallback;
}

std::string ConfigFields::text(std::string_view key, std::string_view fallback) {
  const std::optional<MetadataValue> value = find(key);
  if (!value) return std::string(fallback);
  if (const auto* text = std::get_if<std::string>(&*value)) return *text;
  problem(key, value, "must be a string", false);
  return std::string(fallback);
}

std::uint64_t ConfigFields::array_size(std::string_view key) const {
  const std::optional<MetadataValue> value = find(key);
  const auto* array = value ? std::get_if<MetadataArray>(&*value) : nullptr;
  return array == nullptr ? 0 : array->count;
}

void ConfigFields::refuse(std::string_view key, std::string_view what, bool unsupported) {
  problem(key, find(key), what, unsupported);
}

void ConfigFields::require_absent(std::string_view key, std::string_view what) {
  const std::optional<MetadataValue> value = find(key);
  if (value && !is_nothing(*value)) problem(key, value, fmt::format("{} is not supported", what), true);
}

void ConfigFields::finish() const {
  if (problems_.empty()) return;
  throw Exception(only_unsupported_ ? ErrorCode::kUnsupported : ErrorCode::kBadFormat,
                  fmt::format("{}: model config: {}", view_.source(), fmt::join(problems_, "; ")));
}

void check_heads(ConfigFields& fields, const ModelConfig& config, std::string_view heads_key,
                 std::string_view kv_heads_key) {
  if (config.num_heads % config.num_kv_heads != 0) {
    fields.refuse(kv_heads_key, fmt::format("must divide {}, {}", heads_key, config.num_heads), false);
  }
  if (std::int64_t{config.num_heads} * config.head_dim > kMostWidth) {
    fields.refuse(heads_key,
                  fmt::format("{} heads of {} are wider than {}", config.num_heads, config.head_dim, kMostWidth),
                  false);
  }
  const std::int32_t turned = config.rotary.dimensions;
  if (config.position_encoding == PositionEncoding::kRotary && (turned % 2 != 0 || turned > config.head_dim)) {
    fields.refuse(heads_key,
                  fmt::format("rotary positions turn {} elements of each head; allowed: an even number up to {}",
                              turned, config.head_dim),
                  false);
  }
}

}  // namespace fllm
