// SPDX-License-Identifier: Apache-2.0
#define PCRE2_CODE_UNIT_WIDTH 8
#include <gtest/gtest.h>
#include <pcre2.h>

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "host/constraint/unicode_property.h"
#include "host/tokenizer/utf8.h"

namespace fllm {
namespace {

std::string unicode_version_of_pcre2() {
  std::array<char, 32> version{};
  pcre2_config(PCRE2_CONFIG_UNICODE_VERSION, version.data());
  return version.data();
}

/// All scalar values in turn, and where each stands.
struct EveryCharacter {
  EveryCharacter() {
    for (char32_t c = 0; c <= kMaxCodePoint; ++c) {
      if (c == 0xD800) c = 0xE000;
      text += encode_code_point(c);
    }
  }
  std::string text;
};

/// What PCRE2 finds in the text of all characters.
CodePointSet found_by_pcre2(const std::string& property, const std::string& text) {
  const std::string pattern = "\\p{" + property + "}++";
  int error = 0;
  std::size_t offset = 0;
  const std::unique_ptr<pcre2_code, decltype(&pcre2_code_free)> code(
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), PCRE2_UTF, &error, &offset, nullptr),
      &pcre2_code_free);
  EXPECT_NE(code, nullptr) << pattern;
  if (code == nullptr) return {};
  pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE);  // where it is there, ten times as fast
  const std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)> match(pcre2_match_data_create(1, nullptr),
                                                                                  &pcre2_match_data_free);
  std::vector<CodePointRange> ranges;
  for (std::size_t at = 0; at < text.size();) {
    if (pcre2_match(code.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), at, PCRE2_NO_UTF_CHECK,
                    match.get(), nullptr) < 1) {
      break;
    }
    const std::size_t* ends = pcre2_get_ovector_pointer(match.get());
    std::size_t last = ends[1] - 1;
    while ((static_cast<unsigned char>(text[last]) & 0xC0) == 0x80) --last;
    ranges.push_back({decode_code_point(text, ends[0])->value, decode_code_point(text, last)->value});
    at = ends[1];
  }
  return CodePointSet(ranges);
}

// PCRE2's tables are made by other people from the same data.
TEST(UnicodeProperty, IsWhatPcre2FindsToo) {
  if (unicode_version_of_pcre2() != "14.0.0") GTEST_SKIP() << "PCRE2 has Unicode " << unicode_version_of_pcre2();
  const EveryCharacter every;
  for (const char* category :
       {"Cc", "Cf", "Cn", "Co", "Ll", "Lm", "Lo", "Lt", "Lu", "Mc", "Me", "Mn", "Nd", "Nl", "No",
        "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "Sc", "Sk", "Sm", "So", "Zl", "Zp", "Zs", "L"}) {
    const auto set = unicode_property(category);
    ASSERT_TRUE(set) << category;
    EXPECT_EQ(*set, found_by_pcre2(category, every.text)) << category;
  }
  for (const char* script : {"Latin", "Greek", "Han", "Common", "Inherited", "Vithkuqi", "Old_North_Arabian"}) {
    const auto set = unicode_property(std::string("Script=") + script);
    ASSERT_TRUE(set) << script;
    EXPECT_EQ(*set, found_by_pcre2(std::string("sc:") + script, every.text)) << script;
  }
}

TEST(UnicodeProperty, HasItsNames) {
  for (const auto& [one, other] : std::vector<std::pair<const char*, const char*>>{{"L", "Letter"},
                                                                                   {"Lu", "gc=Uppercase_Letter"},
                                                                                   {"N", "General_Category=Number"},
                                                                                   {"sc=Grek", "Script=Greek"},
                                                                                   {"LC", "Cased_Letter"},
                                                                                   {"Z", "Separator"},
                                                                                   {"sc=Qaac", "sc=Copt"}}) {
    ASSERT_TRUE(unicode_property(one) && unicode_property(other)) << one;
    EXPECT_EQ(*unicode_property(one), *unicode_property(other)) << one;
    EXPECT_FALSE(unicode_property(one)->empty()) << one;
  }
  EXPECT_EQ(*unicode_property("Any"), CodePointSet::all());
  EXPECT_EQ(unicode_property("Assigned")->inverted(), *unicode_property("Cn"));
  EXPECT_TRUE(unicode_property("ASCII")->contains(0x7F) && !unicode_property("ASCII")->contains(0x80));
  EXPECT_TRUE(unicode_property("Cs")->empty()) << "surrogates are no characters";
  for (const char* unknown : {"", "l", "Greek", "gc=", "Script=Lu", "=", "scx=Greek", "L=", "Alphabetic"}) {
    EXPECT_FALSE(unicode_property(unknown)) << unknown;
  }
}

}  // namespace
}  // namespace fllm
