// SPDX-License-Identifier: Apache-2.0
#include "host/util/quoted_text.h"

#include <gtest/gtest.h>

namespace fllm {
namespace {

TEST(QuotedText, StaysOnOneLine) {
  EXPECT_EQ(quoted_text("a\nb"), R"("a\nb")");
  EXPECT_EQ(quoted_text(std::string_view("\x1b[0m\x7f\0", 6)), R"("\x1B[0m\x7F\x00")");
}

TEST(QuotedText, EndsAtItsOwnQuote) { EXPECT_EQ(quoted_text(R"(a"\)"), R"("a\"\\")"); }

TEST(QuotedText, CutsLongTextBetweenCharacters) {
  EXPECT_EQ(quoted_text(std::string(80, 'a')), '"' + std::string(80, 'a') + '"');
  EXPECT_EQ(quoted_text(std::string(81, 'a')), '"' + std::string(80, 'a') + "...\"");
  EXPECT_EQ(quoted_text(std::string(79, 'a') + "é"), '"' + std::string(79, 'a') + "...\"");
}

}  // namespace
}  // namespace fllm
