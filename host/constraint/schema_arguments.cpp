// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/schema_arguments.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "host/constraint/json_formats.h"
#include "host/util/quoted_text.h"

namespace fllm {

const std::string& text_of(const SchemaJson& schema, const SchemaPointer& pointer, const char* keyword) {
  const SchemaJson& value = schema.at(keyword);
  if (!value.is_string()) refuse_schema(pointer, std::string(keyword) + ": a string is allowed");
  return value.get_ref<const std::string&>();
}

const SchemaJson& schemas_of(const SchemaJson& schema, const SchemaPointer& pointer, const char* keyword) {
  const SchemaJson& list = schema.at(keyword);
  if (!list.is_array() || list.empty()) {
    refuse_schema(pointer, std::string(keyword) + ": an array of schemas is allowed");
  }
  return list;
}

void check_members(const SchemaJson& schema, const SchemaPointer& pointer) {
  const auto named = schema.find("properties");
  if (named != schema.end() && !named->is_object()) refuse_schema(pointer, "properties: an object is allowed");
  const auto required = schema.find("required");
  if (required == schema.end()) return;
  if (!required->is_array() ||
      !std::all_of(required->begin(), required->end(), [](const SchemaJson& name) { return name.is_string(); })) {
    refuse_schema(pointer, "required: an array of names is allowed");
  }
}

void check_items(const SchemaJson& schema, const SchemaPointer& pointer) {
  if (const auto unique = schema.find("uniqueItems"); unique != schema.end() && *unique != SchemaJson(false)) {
    refuse_schema(pointer, "the keyword \"uniqueItems\" is not supported, unless false");
  }
  if (const auto prefix = schema.find("prefixItems"); prefix != schema.end() && !prefix->is_array()) {
    refuse_schema(pointer, "prefixItems: an array of schemas is allowed");
  }
  if (const auto items = schema.find("items"); items != schema.end() && items->is_array()) {
    refuse_schema(pointer, "items: an array of schemas is not supported: prefixItems is");
  }
}

void check_listed(const SchemaJson& schema, const SchemaPointer& pointer) {
  const auto listed = schema.find("enum");
  if (listed != schema.end() && !listed->is_array()) refuse_schema(pointer, "enum: an array is allowed");
}

std::vector<RegexPattern> patterns_of(const SchemaJson& schema, const SchemaPointer& pointer) {
  std::vector<RegexPattern> patterns;
  const auto add = [&](const char* keyword, RegexAnchoring anchoring, std::string text) {
    patterns.push_back({std::move(text), anchoring, name_in_schema(pointer, keyword)});
  };
  if (schema.contains("pattern")) {
    const std::string& text = text_of(schema, pointer, "pattern");
    if (text.size() > kMaxRegexBytes) {
      refuse_schema(pointer,
                    "pattern: " + std::to_string(text.size()) + " bytes; at most " + std::to_string(kMaxRegexBytes));
    }
    add("pattern", RegexAnchoring::kSearch, text);
  }
  if (schema.contains("format")) {
    const std::string& format = text_of(schema, pointer, "format");
    std::string text = format_pattern(format);
    if (text.empty()) {
      refuse_schema(pointer, "the format " + quoted_text(format) +
                                 " is not supported: date, time, date-time, uuid, email and ipv4 are");
    }
    add("format", RegexAnchoring::kWhole, std::move(text));
  }
  return patterns;
}

std::optional<std::int32_t> count_of(const SchemaJson& schema, const char* keyword, const SchemaPointer& pointer) {
  constexpr double kMax = 100'000;
  const auto found = schema.find(keyword);
  if (found == schema.end()) return std::nullopt;
  const double value = found->is_number() ? found->get<double>() : -1;
  if (value < 0 || value > kMax || std::floor(value) != value) {
    refuse_schema(pointer, std::string(keyword) + ": a whole number from 0 to 100000 is allowed");
  }
  return static_cast<std::int32_t>(value);
}

}  // namespace fllm
