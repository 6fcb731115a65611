// SPDX-License-Identifier: Apache-2.0
#include "host/model/gguf_metadata.h"

#include <fmt/core.h>

#include <cmath>

#include "host/util/bad_file.h"
#include "host/util/quoted_text.h"

namespace fllm {
namespace {

std::string found_text(const GgufValue& value) {
  if (value.type == GgufType::kArray) return fmt::format("an ARRAY of {} {}", value.count, type_name(value.element));
  return fmt::format("of type {}", type_name(value.type));
}

std::string range_text(IntegerRange range) { return fmt::format("an integer in [{}, {}]", range.least, range.most); }

bool in_range(const std::optional<std::int64_t>& value, IntegerRange range) {
  return value && *value >= range.least && *value <= range.most;
}

template <class T>
T required(std::optional<T> value, const GgufMetadata& metadata, std::string_view key, std::string_view expected) {
  if (!value) metadata.refuse(key, fmt::format("is missing, must be {}", expected));
  return *std::move(value);
}

constexpr std::string_view kText = "a STRING";
constexpr std::string_view kReal = "a finite FLOAT32 or FLOAT64";
constexpr std::string_view kTexts = "an ARRAY of STRING";
constexpr std::string_view kReals = "an ARRAY of FLOAT32 or FLOAT64";

}  // namespace

GgufMetadata::GgufMetadata(std::string source, std::vector<GgufEntry> entries)
    : source_(std::move(source)), entries_(std::move(entries)) {
  by_key_.reserve(entries_.size());
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (!by_key_.emplace(entries_[i].key, i).second) refuse(entries_[i].key, "is there twice");
  }
}

const GgufValue* GgufMetadata::find(std::string_view key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? nullptr : &entries_[found->second].value;
}

std::optional<std::string_view> GgufMetadata::find_text(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto text = value->text();
  if (!text) refuse(key, fmt::format("is {}, must be {}", found_text(*value), kText));
  return text;
}

std::optional<std::int64_t> GgufMetadata::find_integer(std::string_view key, IntegerRange range) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto number = value->integer();
  if (number && !in_range(number, range)) refuse(key, fmt::format("{}: must be {}", *number, range_text(range)));
  if (!number) refuse(key, fmt::format("is {}, must be {}", found_text(*value), range_text(range)));
  return number;
}

std::optional<double> GgufMetadata::find_real(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto number = value->real();
  if (number && !std::isfinite(*number)) refuse(key, fmt::format("{}: must be {}", *number, kReal));
  if (!number) refuse(key, fmt::format("is {}, must be {}", found_text(*value), kReal));
  return number;
}

std::optional<bool> GgufMetadata::find_flag(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto flag = value->flag();
  if (!flag) refuse(key, fmt::format("is {}, must be a BOOL", found_text(*value)));
  return flag;
}

std::optional<std::vector<std::string_view>> GgufMetadata::find_texts(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  auto texts = value->texts();
  if (!texts) refuse(key, fmt::format("is {}, must be {}", found_text(*value), kTexts));
  return texts;
}

std::optional<std::vector<float>> GgufMetadata::find_reals(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->element != GgufType::kFloat32 && value->element != GgufType::kFloat64) {
    refuse(key, fmt::format("is {}, must be {}", found_text(*value), kReals));
  }
  std::vector<float> numbers(static_cast<std::size_t>(value->count));
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<float>(*value->number_at(i).real());
  return numbers;
}

std::optional<std::vector<std::int64_t>> GgufMetadata::find_integers(std::string_view key, IntegerRange range) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!is_integer(value->element) || value->type != GgufType::kArray) {
    refuse(key, fmt::format("is {}, must be an ARRAY, each {}", found_text(*value), range_text(range)));
  }
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(value->count));
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto number = value->number_at(i).integer();
    if (!in_range(number, range)) {
      const std::string found = number ? std::to_string(*number) : "beyond 2^63 - 1";
      refuse(key, fmt::format("element {}: {}: must be {}", i, found, range_text(range)));
    }
    numbers[i] = *number;
  }
  return numbers;
}

std::string_view GgufMetadata::text(std::string_view key) const { return required(find_text(key), *this, key, kText); }

std::int64_t GgufMetadata::integer(std::string_view key, IntegerRange range) const {
  return required(find_integer(key, range), *this, key, range_text(range));
}

double GgufMetadata::real(std::string_view key) const { return required(find_real(key), *this, key, kReal); }

std::vector<std::string_view> GgufMetadata::texts(std::string_view key) const {
  return required(find_texts(key), *this, key, kTexts);
}

std::vector<float> GgufMetadata::reals(std::string_view key) const {
  return required(find_reals(key), *this, key, kReals);
}

void GgufMetadata::refuse(std::string_view key, std::string_view what) const {
  bad_file(source_, fmt::format("key {}: {}", quoted_text(key), what));
}

}  // namespace fllm
