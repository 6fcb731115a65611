// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace fllm {

struct MetadataArray {
  std::uint64_t count = 0;

  friend bool operator==(const MetadataArray&, const MetadataArray&) = default;
};

/// A value that describes a model. Integers past int64 come as double.
using MetadataValue = std::variant<std::int64_t, double, bool, std::string, MetadataArray>;

/// As a message shows it: a string in quotes, a list by its length.
[[nodiscard]] std::string value_text(const MetadataValue& value);
/// An integer, or a float without a fraction.
[[nodiscard]] std::optional<std::int64_t> integer_of(const MetadataValue& value);

/// Named values in a file's header or beside it.
class MetadataView {
 public:
  virtual ~MetadataView() = default;
  [[nodiscard]] virtual const std::string& source() const = 0;  // the file's name, for messages
  /// Empty: there is no such key.
  [[nodiscard]] virtual std::optional<MetadataValue> find(std::string_view key) const = 0;
};

}  // namespace fllm
