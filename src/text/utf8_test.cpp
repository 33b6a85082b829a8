#include "text/utf8.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <string>
#include <vector>

namespace nexus::text {
namespace {

TEST(Utf8, CountsCodePointsNotBytes) {
  EXPECT_EQ(count_code_points(""), 0U);
  EXPECT_EQ(count_code_points("a long run of plain letters"), 27U);
  EXPECT_EQ(count_code_points("h\u00e9llo \u4f60\u597d \U0001F600"), 10U);
}

TEST(Utf8, RefusesOverlongSurrogatesAndTruncation) {
  for (const std::string_view bad : {"\xC0\xAF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
                                     "\xE4\xBD", "\x80", "abc\xFF"})
    EXPECT_FALSE(is_valid_utf8(bad)) << bad;
  EXPECT_TRUE(is_valid_utf8("plain, \u00e9, \u4f60, \U0010FFFF"));
}

TEST(Utf8, ReplacesEachMaximalIllFormedPart) {
  EXPECT_EQ(replace_invalid("a\xE4\xBDz"), "a\uFFFDz");
  EXPECT_EQ(replace_invalid("\xF0\x80\x80"), "\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(drop_invalid("a\xFF\u00e9\x80"), "a\u00e9");
}

TEST(Utf8, TrimsUnicodeWhiteSpaceOnly) {
  EXPECT_EQ(trim("\u3000\u00a0\t x \u2003\u0085\x1F"), "x");
  EXPECT_EQ(trim(" \u2028 "), "");
  EXPECT_EQ(trim("\u200bx\u200b"), "\u200bx\u200b");  // zero width space is not White_Space
}

TEST(Utf8, MakesNewlinesUniversal) {
  EXPECT_EQ(normalize_newlines("a\r\nb\rc\n\r\r\nd"), "a\nb\nc\n\n\nd");
}

TEST(Utf8, RoundTripsEveryScalarValue) {
  for (char32_t value = 0; value <= 0x10FFFF; value += 37) {
    if (value >= 0xD800 && value <= 0xDFFF) continue;
    std::string bytes;
    append_utf8(bytes, value);
    const CodePoint cp = decode(bytes, 0);
    ASSERT_TRUE(cp.valid && cp.value == value && cp.size == bytes.size()) << static_cast<std::uint32_t>(value);
  }
}

TEST(Utf8, RepairingArbitraryBytesGivesValidTextWithEqualCount) {
  EXPECT_TRUE(rc::check([](const std::string& bytes) {
    const std::string repaired = replace_invalid(bytes);
    RC_ASSERT(is_valid_utf8(repaired));
    RC_ASSERT(is_valid_utf8(drop_invalid(bytes)));
    RC_ASSERT(count_code_points(repaired) == count_code_points(bytes));
    RC_ASSERT(byte_offset(bytes, count_code_points(bytes)) == bytes.size());
    if (is_valid_utf8(bytes)) RC_ASSERT(repaired == bytes);
  }));
}

}  // namespace
}  // namespace nexus::text
