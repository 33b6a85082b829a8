#include "embed/bert/wordpiece_characters.h"

#include "crypto/hash.h"

#include <gtest/gtest.h>

#include <string>

namespace nexus::embed::bert {
namespace {

const CharacterTable& table() {
  static const CharacterTable made{NormalizerFlags{}};
  return made;
}

TEST(CharacterTable, KnowsEveryKind) {
  EXPECT_EQ(table().find('a').kind, CharacterKind::kSame);
  EXPECT_EQ(table().find('A').spelling, "a");
  EXPECT_EQ(table().find(0xE9).spelling, "e");
  EXPECT_EQ(table().find('\t').kind, CharacterKind::kSpace);
  EXPECT_EQ(table().find('\v').kind, CharacterKind::kDropped);
  EXPECT_EQ(table().find(0xFFFD).kind, CharacterKind::kDropped);
  EXPECT_EQ(table().find(0x301).kind, CharacterKind::kDropped);
  EXPECT_EQ(table().find(0x941).kind, CharacterKind::kBarrier);
  EXPECT_EQ(table().find('$').kind, CharacterKind::kAlone);
  EXPECT_EQ(table().find(0x37E).spelling, ";");
  EXPECT_EQ(table().find(0xF900).spelling, "\u8c48");
  EXPECT_EQ(table().find(0x302E).combining_class, 224);
  EXPECT_EQ(table().find(0x1D15E).kind, CharacterKind::kParts);
  EXPECT_EQ(table().find(0x10FFFD).kind, CharacterKind::kDropped);
  EXPECT_EQ(table().find(0x10FFFF).kind, CharacterKind::kSame);
}

// The table was compared with the library on every code point; this sum keeps it so. When it moves with a new ICU, a
// category or mapping of an old character was changed there: give it back its old one in wordpiece_characters.cpp.
TEST(CharacterTable, StaysWhatTheLibraryDoesWhateverTheIcu) {
  std::string all;
  for (char32_t value = 0; value <= 0x10FFFF; ++value) {
    const Character character = table().find(value);
    all.push_back(static_cast<char>(character.kind));
    all.push_back(static_cast<char>(character.combining_class));
    all.append(character.spelling);
    all.push_back('\0');
  }
  EXPECT_EQ(crypto::sha256_hex(all), "ac173eeb3539ac939b673a81c6765511c7c32f8415d1b079d750503df8fc4c83");
}

}  // namespace
}  // namespace nexus::embed::bert
