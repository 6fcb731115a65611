// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "host/model/gguf_value.h"

namespace fllm {

struct GgufEntry {
  std::string_view key;
  GgufValue value;
};

struct IntegerRange {
  std::int64_t least = 0, most = 0;
};

/// The metadata of a GGUF, by key. find_… is empty where the key is missing; the others refuse that. Both refuse a value
/// of another type or outside the range: Exception(kBadFormat) with file, key, what was found and what is expected.
/// Views the file. Immutable.
class GgufMetadata {
 public:
  /// Refuses a key that is there twice.
  GgufMetadata(std::string source, std::vector<GgufEntry> entries);

  [[nodiscard]] const std::string& source() const { return source_; }
  [[nodiscard]] std::span<const GgufEntry> entries() const { return entries_; }  // in file order
  [[nodiscard]] const GgufValue* find(std::string_view key) const;               // null: there is none

  [[nodiscard]] std::optional<std::string_view> find_text(std::string_view key) const;
  [[nodiscard]] std::optional<std::int64_t> find_integer(std::string_view key, IntegerRange range) const;
  [[nodiscard]] std::optional<double> find_real(std::string_view key) const;  // FLOAT32 or FLOAT64, finite
  [[nodiscard]] std::optional<bool> find_flag(std::string_view key) const;
  [[nodiscard]] std::optional<std::vector<std::string_view>> find_texts(std::string_view key) const;
  [[nodiscard]] std::optional<std::vector<float>> find_reals(std::string_view key) const;  // any float
  [[nodiscard]] std::optional<std::vector<std::int64_t>> find_integers(std::string_view key, IntegerRange range) const;

  [[nodiscard]] std::string_view text(std::string_view key) const;
  [[nodiscard]] std::int64_t integer(std::string_view key, IntegerRange range) const;
  [[nodiscard]] double real(std::string_view key) const;
  [[nodiscard]] std::vector<std::string_view> texts(std::string_view key) const;
  [[nodiscard]] std::vector<float> reals(std::string_view key) const;

  /// Refuses the file for the value of a key.
  [[noreturn]] void refuse(std::string_view key, std::string_view what) const;

 private:
  std::string source_;
  std::vector<GgufEntry> entries_;
  std::unordered_map<std::string_view, std::size_t> by_key_;
};

}  // namespace fllm
