// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "fundamentallm/options.h"

namespace fllm {

/// What the values of an enumeration are called on the command line, in input lines and in Python, in their order.
template <class Enum>
inline constexpr std::array<std::string_view, 0> kNames{};
template <>
inline constexpr std::array<std::string_view, 3> kNames<LengthNorm>{"gnmt", "power", "none"};
template <>
inline constexpr std::array<std::string_view, 4> kNames<BeamStopRule>{"exact", "first-k", "heuristic", "never-early"};
template <>
inline constexpr std::array<std::string_view, 3> kNames<BeamProfile>{"none", "hf", "ctranslate2"};
template <>
inline constexpr std::array<std::string_view, 2> kNames<SpeculationRule>{"coupled", "ratio"};

/// An enumeration that has names.
template <class Enum>
concept Named = !kNames<Enum>.empty();

template <Named Enum>
[[nodiscard]] constexpr std::string_view to_string(Enum value) {
  return kNames<Enum>.at(static_cast<std::size_t>(value));
}

/// The value of this name; none when there is none.
template <Named Enum>
[[nodiscard]] constexpr std::optional<Enum> value_named(std::string_view name) {
  const auto& names = kNames<Enum>;
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

/// All names, as messages list them: "gnmt, power, none".
template <Named Enum>
[[nodiscard]] std::string all_names() {
  std::string all;
  for (const std::string_view name : kNames<Enum>) all.append(all.empty() ? "" : ", ").append(name);
  return all;
}

}  // namespace fllm
