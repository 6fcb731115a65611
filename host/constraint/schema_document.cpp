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

[[noreturn]] void refuse_text(const std::string& what) {
  throw Exception(ErrorCode::kInvalidArgument, "json_schema: " + what);
}

/// Sees a text before it is made a document. As a callback of the document's parser it would be asked of each value that ends, which
/// then looks through all those beside it.
class SchemaLimits final : public SchemaJson::json_sax_t {
 public:
  bool null() override { return true; }
  bool boolean(bool /*value*/) override { return true; }
  bool number_integer(SchemaJson::number_integer_t /*value*/) override { return true; }
  bool number_unsigned(SchemaJson::number_unsigned_t /*value*/) override { return true; }
  bool number_float(SchemaJson::number_float_t /*value*/, const std::string& /*text*/) override { return true; }
  bool string(std::string& /*value*/) override { return true; }
  bool binary(SchemaJson::binary_t& /*value*/) override { return true; }
  bool start_object(std::size_t /*count*/) override { return open(); }
  bool start_array(std::size_t /*count*/) override { return open(); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(std::string& name) override {
    if (keys_.back().size() == SchemaDocument::kMaxSchemaKeys) {
      refuse_text("an object with more than " + std::to_string(SchemaDocument::kMaxSchemaKeys) + " keys, the limit");
    }
    if (!keys_.back().insert(name).second) refuse_text("the key " + quoted_text(name) + " stands twice");
    return true;
  }
  /// Ends it: the document's parser says what is wrong.
  bool parse_error(std::size_t /*position*/, const std::string& /*token*/,
                   const SchemaJson::exception& /*error*/) override {
    return false;
  }

 private:
  bool open() {
    if (keys_.size() == static_cast<std::size_t>(SchemaDocument::kMaxSchemaDepth)) {
      refuse_text("nested deeper than " + std::to_string(SchemaDocument::kMaxSchemaDepth) + " levels, the limit");
    }
    keys_.emplace_back();
    return true;
  }
  bool close() {
    keys_.pop_back();
    return true;
  }

  std::vector<std::set<std::string>> keys_;  // of what is open
};

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

std::string name_in_schema(const SchemaPointer& pointer, const std::string& what) {
  return "json_schema: " + quoted_text(std::string("#").append(pointer)) + ": " + what;
}

void refuse_schema(const SchemaPointer& pointer, const std::string& what) {
  throw Exception(ErrorCode::kInvalidArgument, name_in_schema(pointer, what));
}

SchemaDocument::SchemaDocument(std::string_view text) {
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {  // the parser takes it for the end
    refuse_text("not valid JSON at byte " + std::to_string(nul + 1) + ": a NUL");
  }
  SchemaLimits limits;
  SchemaJson::sax_parse(text, &limits);
  try {
    root_ = SchemaJson::parse(text);
  } catch (const SchemaJson::parse_error& error) {
    refuse_text("not valid JSON at byte " + std::to_string(error.byte) + ": a JSON Schema is needed");
  } catch (const SchemaJson::out_of_range&) {
    refuse_text("a number of it is too large");
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
