#include "base/encoding.h"

#include <gtest/gtest.h>

#include <string>

namespace nexus {
namespace {

std::string decoded(std::string_view text) {
  const auto bytes = base64_decode(text);
  return bytes ? std::string(as_text(*bytes)) : std::string("malformed");
}

TEST(Hex, RoundTripsEveryByte) {
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  const std::string hex = hex_encode(as_bytes(all));
  EXPECT_EQ(hex.substr(0, 8), "00010203");
  EXPECT_EQ(hex.substr(508), "feff");
  const auto back = hex_decode(hex);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(as_text(*back), all);
}

TEST(Hex, AcceptsEitherCaseAndRefusesOddOrForeignDigits) {
  EXPECT_EQ(hex_decode("aBCd"), hex_decode("AbcD"));
  EXPECT_FALSE(hex_decode("abc").has_value());
  EXPECT_FALSE(hex_decode("zz").has_value());
  EXPECT_FALSE(hex_decode("0x").has_value());
  EXPECT_TRUE(hex_decode("")->empty());
}

TEST(Base64, EncodesTheUrlSafeAlphabetWithoutPadding) {
  EXPECT_EQ(base64url_encode(as_bytes("")), "");
  EXPECT_EQ(base64url_encode(as_bytes("f")), "Zg");
  EXPECT_EQ(base64url_encode(as_bytes("fo")), "Zm8");
  EXPECT_EQ(base64url_encode(as_bytes("foobar")), "Zm9vYmFy");
  EXPECT_EQ(base64url_encode(as_bytes("\xFB\xFF\xFE")), "-__-");
}

TEST(Base64, DecodesBothAlphabetsWithOrWithoutPadding) {
  EXPECT_EQ(decoded("Zm8="), "fo");
  EXPECT_EQ(decoded("Zm8"), "fo");
  EXPECT_EQ(decoded("Zg=="), "f");
  EXPECT_EQ(decoded("-__-"), "\xFB\xFF\xFE");
  EXPECT_EQ(decoded("+//+"), "\xFB\xFF\xFE");
  EXPECT_EQ(decoded(""), "");
}

TEST(Base64, RefusesWhatNoEncoderWrites) {
  for (const char* text : {"Z", "Zm9vY", "Zm8*", "Z m8", "Zm8==", "Zg=", "====", "Zg===", "=Zg=", "Zh", "Zm9"})
    EXPECT_EQ(decoded(text), "malformed") << text;
}

TEST(Percent, DecodesEscapesAndLeavesMalformedOnesAlone) {
  EXPECT_EQ(percent_decode("a%20b%2Fc", false), "a b/c");
  EXPECT_EQ(percent_decode("a+b", false), "a+b");
  EXPECT_EQ(percent_decode("a+b", true), "a b");
  EXPECT_EQ(percent_decode("100%", false), "100%");
  EXPECT_EQ(percent_decode("%4", false), "%4");
  EXPECT_EQ(percent_decode("%zz%41", false), "%zzA");
  EXPECT_EQ(percent_decode("%00", false), std::string(1, '\0'));
}

TEST(Percent, EncodesEverythingButUnreservedCharacters) {
  EXPECT_EQ(percent_encode("Az09-._~"), "Az09-._~");
  EXPECT_EQ(percent_encode("a b/ü"), "a%20b%2F%C3%BC");
  EXPECT_EQ(percent_decode(percent_encode("100% & more+"), false), "100% & more+");
}

TEST(Ascii, HelpersLeaveOtherBytesAlone) {
  EXPECT_EQ(ascii_lower("ÄBC"), "Äbc");
  EXPECT_TRUE(ascii_iequals("Retry-After", "retry-after"));
  EXPECT_FALSE(ascii_iequals("a", "ab"));
  EXPECT_FALSE(ascii_iequals("@", "`"));
  EXPECT_EQ(ascii_trim(" \t a b \r\n"), "a b");
  EXPECT_EQ(ascii_trim(" \v\f "), "");
}

}  // namespace
}  // namespace nexus
