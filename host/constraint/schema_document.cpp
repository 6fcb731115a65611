// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/schema_document.h"

#include <cstddef>
#include <set>
#include <vector>

#include "fundamentallm/result.h"
#include "host/util/quoted_text.h"

namespace fllm {
namespace {

/// "%41" as "A"; false where a % has no two digits behind it.
bool decode_percent(std::string_view text, std::string& out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (text.size() - i < 3) return false;
    std::size_t value = 0;
    for (const char c : text.substr(i + 1, 2)) {
      const std::size_t digit = kHex.find(c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c);
      if (digit == std::string_view::npos) return false;
      value = value * 16 + digit;
    }
    out += static_cast<char>(value);
    i += 2;
  }
  return true;
}

}  // namespace

SchemaPointer pointer_to(const SchemaPointer& parent, std::string_view key) {
  SchemaPointer pointer = parent + "/";
  for (const char c : key) {
    if (c == '~') {
      pointer += "~0";
    } else if (c == '/') {
      pointer += "~1";
    } else {
      pointer += c;
    }
  }
  return pointer;
}

void refuse_schema(const SchemaPointer& pointer, const std::string& what) {
  throw Exception(ErrorCode::kInvalidArgument,
                  "json_schema: " + quoted_text(std::string("#").append(pointer)) + ": " + what);
}

SchemaDocument::SchemaDocument(std::string_view text) {
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  const auto watch = [&](int depth, SchemaJson::parse_event_t event, SchemaJson& value) {
    if (depth > kMaxSchemaDepth) {
      throw Exception(ErrorCode::kInvalidArgument,
                      "json_schema: nested deeper than " + std::to_string(kMaxSchemaDepth) + " levels, the limit");
    }
    if (event == SchemaJson::parse_event_t::object_start) {
      keys.resize(static_cast<std::size_t>(depth) + 1);
      keys.back().clear();
    } else if (event == SchemaJson::parse_event_t::key) {
      const auto& key = value.get_ref<const std::string&>();
      if (keys.at(static_cast<std::size_t>(depth) - 1).size() == kMaxSchemaKeys) {
        throw Exception(ErrorCode::kInvalidArgument,
                        "json_schema: an object with more than " + std::to_string(kMaxSchemaKeys) + " keys, the limit");
      }
      if (!keys.at(static_cast<std::size_t>(depth) - 1).insert(key).second) {
        throw Exception(ErrorCode::kInvalidArgument, "json_schema: the key " + quoted_text(key) + " stands twice");
      }
    }
    return true;
  };
  try {
    root_ = SchemaJson::parse(text, watch);
  } catch (const SchemaJson::parse_error& error) {
    throw Exception(ErrorCode::kInvalidArgument,
                    "json_schema: not valid JSON at byte " + std::to_string(error.byte) + ": a JSON Schema is needed");
  } catch (const SchemaJson::out_of_range&) {
    throw Exception(ErrorCode::kInvalidArgument, "json_schema: a number of it is too large");
  }
}

const SchemaJson& SchemaDocument::resolve(const std::string& reference, const SchemaPointer& pointer,
                                          SchemaPointer& target) const {
  std::string decoded;
  if (!reference.starts_with('#') || (reference.size() > 1 && reference[1] != '/') ||
      !decode_percent(std::string_view(reference).substr(1), decoded)) {
    refuse_schema(pointer, "$ref " + quoted_text(reference) + ": a place in the same schema (#/...) is allowed");
  }
  try {
    const SchemaJson& found = root_.at(SchemaJson::json_pointer(decoded));
    target = decoded;
    return found;
  } catch (const SchemaJson::exception&) {
    refuse_schema(pointer, "$ref " + quoted_text(reference) + ": there is nothing at this place");
  }
}

}  // namespace fllm
