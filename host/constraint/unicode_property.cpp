// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/unicode_property.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "host/constraint/unicode_table.h"

namespace fllm {
namespace {

/// Categories that are several of the table (UAX 44, table 12): those whose short names begin with its letter.
struct CategoryGroup {
  std::string_view name, long_name;
};
constexpr std::array<CategoryGroup, 7> kGroups{{{"C", "Other"},
                                                {"L", "Letter"},
                                                {"M", "Mark"},
                                                {"N", "Number"},
                                                {"P", "Punctuation"},
                                                {"S", "Symbol"},
                                                {"Z", "Separator"}}};

/// The characters that have one of these values, as bits of a set of 256.
CodePointSet characters_with(const UnicodeTable& table, const std::array<bool, 256>& wanted) {
  std::vector<CodePointRange> ranges;
  for (std::size_t i = 0; i < table.runs.size(); ++i) {
    if (!wanted[table.runs[i] & 0xFF]) continue;
    const char32_t end = i + 1 < table.runs.size() ? static_cast<char32_t>(table.runs[i + 1] >> 8) : kMaxCodePoint + 1;
    ranges.push_back({static_cast<char32_t>(table.runs[i] >> 8), end - 1});
  }
  return CodePointSet(ranges);
}

template <class Wanted>
std::optional<CodePointSet> characters_named(const UnicodeTable& table, const Wanted& is_wanted) {
  std::array<bool, 256> wanted{};
  bool found = false;
  for (const UnicodeName& name : table.names) {
    if (!is_wanted(name.name)) continue;
    wanted[name.value] = found = true;
  }
  if (!found) return std::nullopt;
  return characters_with(table, wanted);
}

std::optional<CodePointSet> general_category(std::string_view name) {
  if (name == "LC" || name == "Cased_Letter") {
    return characters_named(unicode_categories(),
                            [](std::string_view known) { return known == "Lu" || known == "Ll" || known == "Lt"; });
  }
  const auto* group = std::find_if(kGroups.begin(), kGroups.end(),
                                   [&](const CategoryGroup& g) { return name == g.name || name == g.long_name; });
  if (group == kGroups.end()) {
    return characters_named(unicode_categories(), [&](std::string_view known) { return known == name; });
  }
  return characters_named(unicode_categories(), [&](std::string_view known) {
    return known.size() == 2 && known.front() == group->name.front();
  });
}

}  // namespace

std::optional<CodePointSet> unicode_property(std::string_view name) {
  const std::size_t equals = name.find('=');
  if (equals != std::string_view::npos) {
    const std::string_view property = name.substr(0, equals), value = name.substr(equals + 1);
    if (property == "gc" || property == "General_Category") return general_category(value);
    if (property != "sc" && property != "Script") return std::nullopt;
    return characters_named(unicode_scripts(), [&](std::string_view known) { return known == value; });
  }
  if (name == "Any") return CodePointSet::all();
  if (name == "ASCII") return CodePointSet({{0, 0x7F}});
  if (name == "Assigned") return general_category("Cn")->inverted();
  return general_category(name);
}

}  // namespace fllm
