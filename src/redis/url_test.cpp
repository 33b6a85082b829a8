#include "redis/url.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace nexus::redis {
namespace {

TEST(RedisUrlTest, ReadsTheForms) {
  const Url plain = parse_url("redis://h");
  EXPECT_EQ(plain.endpoints, (std::vector<Endpoint>{{"h", 6379}}));
  EXPECT_FALSE(plain.tls);
  EXPECT_TRUE(plain.password.empty());

  const Url full = parse_url("rediss://app:p%40ss%2F@[::1]:7000/3");
  EXPECT_TRUE(full.tls);
  EXPECT_EQ(full.user, "app");
  EXPECT_EQ(full.password.reveal(), "p@ss/");
  EXPECT_EQ(full.endpoints, (std::vector<Endpoint>{{"::1", 7000}}));
  EXPECT_EQ(full.endpoints[0].text(), "[::1]:7000");
  EXPECT_EQ(full.database, 3);

  EXPECT_EQ(parse_url("redis://:pw@h/").user, "");
  EXPECT_EQ(parse_url("redis://:p:w@h").password.reveal(), "p:w");

  const Url sentinel = parse_url("redis+sentinel://:pw@a,b:5000/main/2");
  EXPECT_EQ(sentinel.layout, Layout::kSentinel);
  EXPECT_EQ(sentinel.endpoints, (std::vector<Endpoint>{{"a", 26379}, {"b", 5000}}));
  EXPECT_EQ(sentinel.service, "main");
  EXPECT_EQ(sentinel.database, 2);

  const Url cluster = parse_url("rediss+cluster://a:1,b:2");
  EXPECT_EQ(cluster.layout, Layout::kCluster);
  EXPECT_TRUE(cluster.tls);
  EXPECT_EQ(cluster.endpoints.size(), 2u);
}

TEST(RedisUrlTest, RefusesTheRestWithoutQuotingIt) {
  for (const std::string bad :
       {"", "h:6379", "http://h", "redis://", "redis:///0", "redis://hunter2@h", "redis://u:@h", "redis://h:0",
        "redis://h:hunter2", "redis://h:70000", "redis://:hunter2@h/x", "redis://:hunter2@h/0?db=1", "redis://a,b",
        "redis+sentinel://:hunter2@a", "redis+cluster://:hunter2@a/1", "redis://:hunter2%zz@h", "redis://:hunter2@h h",
        "redis://[::1", "redis://:hunter2/x@h"}) {
    try {
      (void)parse_url(bad);
      ADD_FAILURE() << bad;
    } catch (const std::invalid_argument& e) {
      EXPECT_EQ(std::string(e.what()).find("hunter2"), std::string::npos) << e.what();
    }
  }
}

}  // namespace
}  // namespace nexus::redis
