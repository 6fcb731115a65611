// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/model/architecture.h"
#include "host/model/metadata.h"

namespace fllm {

/// Bounds of all models: they keep every product of two within 32 bits or a checked sum.
constexpr std::int32_t kMostTokens = 1 << 20;  // vocabulary, context
constexpr std::int32_t kMostWidth = 1 << 16;   // d_model, heads * head_dim
constexpr std::int32_t kMostFfnWidth = 1 << 20;
constexpr std::int32_t kMostLayers = 1024;

/// Reads fields of a model's description, each within its range, and remembers what was wrong. What is wrong or missing
/// reads as the fallback, or as the smallest value allowed.
class ConfigFields {
 public:
  /// prefix: of every key read here ("llama."), as it stands in messages too. The view must outlive this.
  explicit ConfigFields(const MetadataView& view, std::string prefix = "") : view_(view), prefix_(std::move(prefix)) {}

  [[nodiscard]] bool has(std::string_view key) const { return find(key).has_value(); }
  /// In [least, most]; without a fallback the key is needed.
  std::int32_t integer(std::string_view key, std::int32_t least, std::int32_t most,
                       std::optional<std::int32_t> fallback = {});
  double real(std::string_view key, double least, double most, std::optional<double> fallback = {});
  bool boolean(std::string_view key, bool fallback);
  std::string text(std::string_view key, std::string_view fallback);
  /// Entries of a list; 0 when there is none.
  [[nodiscard]] std::uint64_t array_size(std::string_view key) const;

  /// A field that says something this library cannot do, or does not hold together.
  void refuse(std::string_view key, std::string_view what, bool unsupported = true);
  /// Refuses the key when it is there with another value than this one, or 0, or false.
  void require_absent(std::string_view key, std::string_view what);

  /// Exception with all that was wrong: kUnsupported when nothing but that, else kBadFormat.
  void finish() const;

 private:
  [[nodiscard]] std::optional<MetadataValue> find(std::string_view key) const;
  void problem(std::string_view key, const std::optional<MetadataValue>& value, std::string_view what,
               bool unsupported);

  const MetadataView& view_;
  std::string prefix_;
  std::vector<std::string> problems_;
  bool only_unsupported_ = true;
};

/// Checks what the fields of a rotary model with grouped heads must be to each other.
void check_heads(ConfigFields& fields, const ModelConfig& config, std::string_view heads_key,
                 std::string_view kv_heads_key);

}  // namespace fllm
