// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace fllm {

using SchemaJson = nlohmann::ordered_json;  // properties stay in the order they were written in

/// Where something stands in a schema ("/properties/name"), for messages and references.
using SchemaPointer = std::string;
[[nodiscard]] SchemaPointer pointer_to(const SchemaPointer& parent, std::string_view key);

/// What messages call something at this place: json_schema: "#/properties/name": what.
[[nodiscard]] std::string name_in_schema(const SchemaPointer& pointer, const std::string& what);
/// Exception(kInvalidArgument) with that.
[[noreturn]] void refuse_schema(const SchemaPointer& pointer, const std::string& what);

/// A schema's text, parsed and checked: no deeper than kMaxSchemaDepth, no key twice,
/// no more of them in an object than kMaxSchemaKeys.
class SchemaDocument {
 public:
  static constexpr int kMaxSchemaDepth = 64;
  static constexpr std::size_t kMaxSchemaKeys = 4096;  // of an object, which is searched from its beginning

  /// Exception(kInvalidArgument): not JSON, or beyond the limits.
  explicit SchemaDocument(std::string_view text);

  [[nodiscard]] const SchemaJson& root() const { return root_; }
  /// What "#..." in `pointer` refers to; target becomes its place. Exception(kInvalidArgument): another document, or nothing.
  [[nodiscard]] const SchemaJson& resolve(const std::string& reference, const SchemaPointer& pointer,
                                          SchemaPointer& target) const;

 private:
  SchemaJson root_;
};

}  // namespace fllm
