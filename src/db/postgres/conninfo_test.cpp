#include "db/postgres/conninfo.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nexus::db::postgres {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string refusal(std::string_view url) {
  try {
    static_cast<void>(parse_postgres_url(url));
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

TEST(PostgresUrl, IsReadWithEachSchemeAndDecoded) {
  for (const std::string scheme : {"postgresql", "postgres", "postgresql+asyncpg"}) {
    const ConnInfo info = parse_postgres_url(scheme + "://me:p%40ss%2F@db.example:6432/rag?sslmode=verify-full");
    EXPECT_EQ(info.get("user"), "me");
    EXPECT_EQ(info.get("password"), "p@ss/");
    EXPECT_EQ(info.get("host"), "db.example");
    EXPECT_EQ(info.get("port"), "6432");
    EXPECT_EQ(info.get("dbname"), "rag");
    EXPECT_EQ(info.get("sslmode"), "verify-full");
  }
}

TEST(PostgresUrl, PassesOnSeveralHostsAndWhateverLibpqKnows) {
  const ConnInfo info = parse_postgres_url(
      "postgresql://a:1,b:2/rag?target_session_attrs=read-write&sslrootcert=/etc/ca.pem&application_name=x");
  EXPECT_EQ(info.get("host"), "a,b");
  EXPECT_EQ(info.get("port"), "1,2");
  EXPECT_EQ(info.get("target_session_attrs"), "read-write");
  EXPECT_EQ(info.get("sslrootcert"), "/etc/ca.pem");
}

TEST(PostgresUrl, TranslatesWhatTheOriginalsDriverCallsOtherwise) {
  const auto mode = [](const std::string& query) {
    return std::string(parse_postgres_url("postgresql+asyncpg://h/d?" + query).get("sslmode"));
  };
  EXPECT_EQ(mode("ssl=true"), "require");
  EXPECT_EQ(mode("ssl=false"), "disable");
  EXPECT_EQ(mode("ssl=verify-ca"), "verify-ca");
  const ConnInfo info =
      parse_postgres_url("postgresql+asyncpg://h/d?timeout=7&statement_cache_size=0&command_timeout=9");
  EXPECT_EQ(info.get("connect_timeout"), "7");
}

TEST(PostgresUrl, IsRefusedWithoutAWordOfIt) {
  EXPECT_EQ(refusal("postgresql://h/d"), "");
  for (const std::string bad :
       {"u:hun@ter2@h/d", "u:hun/ter2@h/d", "u:hun?ter2@h/d", "u:hun#ter2@h/d", "u:hun%ter2@h/d",
        "u:hunter2@h/d?hunter2", "u:hunter2@h/d?no_such=hunter2", "u:hunter2@[h/d"}) {
    EXPECT_THAT(refusal("postgresql://" + bad), HasSubstr("cannot be read")) << bad;
    EXPECT_THAT(refusal("postgresql://" + bad), Not(HasSubstr("ter2"))) << bad;
  }
  EXPECT_THAT(refusal("postgresql:d"), HasSubstr("write postgresql://"));
}

TEST(ConnectionParameters, CarryTheTimeLimitsAndLetTheOperatorsOwnOptionsWin) {
  PostgresOptions options{.url = "postgresql://h/d?options=-c%20statement_timeout%3D9&application_name=mine"};
  options.statement_timeout = std::chrono::milliseconds(1234);
  options.connect_timeout = std::chrono::milliseconds(2500);
  const ConnInfo info = connection_parameters(options);
  EXPECT_EQ(info.get("application_name"), "mine");
  EXPECT_EQ(info.get("connect_timeout"), "3");
  EXPECT_EQ(info.get("client_encoding"), "UTF8");
  const std::string_view command = info.get("options");
  EXPECT_LT(command.find("statement_timeout=1234"), command.find("statement_timeout=9"));
}

}  // namespace
}  // namespace nexus::db::postgres
