#include "cli/keys_text.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace nexus::cli {
namespace {

constexpr Timestamp kDay{1'771'322'400 * Timestamp::kSecond};  // 2026-02-17T10:00:00Z

auth::Key key(std::string id) {
  return {.id = std::move(id),
          .user_id = "u1",
          .tenant_id = "t1",
          .key_prefix = "nrgk_0123456",
          .name = "ci",
          .role = "editor",
          .created_at = kDay};
}

auth::IssuedKey issued(std::string id) {
  return {key(std::move(id)), Secret("nrgk_plaintext")};
}

TEST(KeysText, CreatedIsIndentedButForTheKeyItself) {
  auth::IssuedKey made = issued("k1");
  EXPECT_EQ(created_text(made),
            "API key created:\n"
            "  key_id: k1\n"
            "  key_prefix: nrgk_0123456\n"
            "  expires_at: never\n"
            "  api_key:\n"
            "nrgk_plaintext\n");
  made.key.expires_at = kDay + Timestamp::kDay + 1;
  EXPECT_NE(created_text(made).find("  expires_at: 2026-02-18T10:00:00.000001+00:00\n"), std::string::npos);
}

TEST(KeysText, RevokedIsOneLine) {
  EXPECT_EQ(revoked_text(key("k1")), "Revoked API key k1\n");
}

TEST(KeysText, RotatedNamesBothKeys) {
  auth::RotatedKey rotated{.old_key_id = "k1", .old_key_revoked = true, .issued = issued("k2")};
  EXPECT_EQ(rotated_text(rotated),
            "API key rotated:\n"
            "  old_key_id: k1\n"
            "  new_key_id: k2\n"
            "  old_key_revoked: True\n"
            "  key_prefix: nrgk_0123456\n"
            "  api_key:\n"
            "nrgk_plaintext\n");
  rotated.old_key_revoked = false;
  EXPECT_NE(rotated_text(rotated).find("  old_key_revoked: False\n"), std::string::npos);
}

TEST(KeysText, ListIsSeparatedByTabsAndEmptyForNull) {
  auth::Key bare = key("k2");
  bare.name.reset();
  auth::Key used = key("k1");
  used.last_used_at = kDay + 60 * Timestamp::kSecond;
  used.expires_at = kDay + Timestamp::kDay;
  used.revoked_at = kDay + 5;
  EXPECT_EQ(
      listed_text({{.key = bare, .is_active = true, .is_expired = false, .inactive_days = 0},
                   {.key = used, .is_active = false, .is_expired = true, .inactive_days = 12}}),
      "key_id\tname\trole\tcreated_at\tlast_used_at\texpires_at\trevoked_at\tis_active\tinactive_days\tis_expired\n"
      "k2\t\teditor\t2026-02-17T10:00:00+00:00\t\t\t\tTrue\t0\tFalse\n"
      "k1\tci\teditor\t2026-02-17T10:00:00+00:00\t2026-02-17T10:01:00+00:00\t2026-02-18T10:00:00+00:00\t"
      "2026-02-17T10:00:00.000005+00:00\tFalse\t12\tTrue\n");
}

TEST(KeysText, AnEmptyListIsItsHeader) {
  EXPECT_EQ(
      listed_text({}),
      "key_id\tname\trole\tcreated_at\tlast_used_at\texpires_at\trevoked_at\tis_active\tinactive_days\tis_expired\n");
}

TEST(KeysText, ANameCannotAddColumnsOrLines) {
  auth::Key odd = key("k1");
  odd.name = "a\tb\nc\x1b[31m";
  const std::string text = listed_text({{.key = odd, .is_active = true}});
  EXPECT_NE(text.find("k1\ta b c"), std::string::npos);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(KeysText, JsonCarriesTheSameFacts) {
  EXPECT_EQ(created_json(issued("k1")),
            R"({"key_id":"k1","key_prefix":"nrgk_0123456","name":"ci","user_id":"u1","tenant_id":"t1","role":"editor",)"
            R"("created_at":"2026-02-17T10:00:00+00:00","last_used_at":null,"expires_at":null,"revoked_at":null,)"
            R"("api_key":"nrgk_plaintext"})"
            "\n");
  EXPECT_EQ(revoked_json(key("k1")).find("api_key"), std::string::npos);
  EXPECT_TRUE(rotated_json({.old_key_id = "k1", .old_key_revoked = false, .issued = issued("k2")})
                  .starts_with(R"({"old_key_id":"k1","old_key_revoked":false,"key_id":"k2")"));
  EXPECT_EQ(listed_json({}), "{\"keys\":[]}\n");
}

}  // namespace
}  // namespace nexus::cli
