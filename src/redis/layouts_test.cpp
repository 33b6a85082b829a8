// Redis Cluster and Sentinel, with real processes.
#include "redis/server_fixture.h"
#include "redis/slots.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace nexus::redis {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace)

/// Three masters that share the slots.
class RedisClusterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!in_path("redis-server")) GTEST_SKIP() << "redis-server is not installed";
    for (int i = 0; i < 3; ++i) {
      servers.push_back(std::make_unique<Server>("cluster-enabled yes\ncluster-node-timeout 2000\n"));
      admins.push_back(std::make_unique<TestClient>(servers.back()->url()));
      ASSERT_TRUE(admins.back()->client.wait_until_up(5 * kSecond));
    }
    const std::vector<std::pair<std::string, std::string>> ranges{{"0", "5460"}, {"5461", "10922"}, {"10923", "16383"}};
    for (std::size_t i = 0; i < 3; ++i) {
      ASSERT_EQ(admins[i]->say({"CLUSTER", "SET-CONFIG-EPOCH", std::to_string(i + 1)}), "OK");
      ASSERT_EQ(admins[i]->say({"CLUSTER", "ADDSLOTSRANGE", ranges[i].first, ranges[i].second}), "OK");
    }
    for (std::size_t i = 1; i < 3; ++i)
      ASSERT_EQ(admins[0]->say({"CLUSTER", "MEET", "127.0.0.1", std::to_string(servers[i]->port())}), "OK");
    for (std::size_t i = 0; i < 3; ++i)
      ASSERT_TRUE(eventually([&] {
        const std::string info = admins[i]->say({"CLUSTER", "INFO"});
        return info.find("cluster_state:ok") != std::string::npos &&
               info.find("cluster_known_nodes:3") != std::string::npos;
      }));
  }

  static std::string set(TestClient& c, const std::string& key, std::string_view value) {
    return TestClient::text_of(c.client.call(Command({"SET"}).key(key).arg(value)));
  }
  static std::string get(TestClient& c, const std::string& key) {
    return TestClient::text_of(c.client.call(Command({"GET"}).key(key)));
  }
  std::size_t owner_of(const std::string& key) const {
    const std::uint16_t slot = slot_of(key);
    return slot <= 5'460 ? 0 : slot <= 10'922 ? 1 : 2;
  }

  std::vector<std::unique_ptr<Server>> servers;
  std::vector<std::unique_ptr<TestClient>> admins;
};

TEST_F(RedisClusterTest, FindsTheNodeOfEveryKeyWhateverTheAddressSays) {
  for (const std::string& url : {"redis+cluster://127.0.0.1:1," + servers[1]->address(), servers[0]->url()}) {
    TestClient c(url);
    ASSERT_TRUE(c.client.wait_until_up(5 * kSecond));
    for (int i = 0; i < 60; ++i) {
      const std::string key = "key" + std::to_string(i);
      ASSERT_TRUE(eventually([&] { return set(c, key, "v") == "OK"; })) << url << " " << set(c, key, "v");
      EXPECT_EQ(get(c, key), "v");
    }
  }
  for (const auto& admin : admins) EXPECT_NE(admin->say({"DBSIZE"}), "0");
}

TEST_F(RedisClusterTest, RunsAScriptOverKeysThatShareAHashTag) {
  TestClient c("redis+cluster://" + servers[0]->address());
  ASSERT_TRUE(c.client.wait_until_up(5 * kSecond));
  const Script script("redis.call('SET', KEYS[1], 1) redis.call('SET', KEYS[2], 2) return 'both'");
  for (int i = 0; i < 20; ++i) {
    const std::string tag = "{tenant" + std::to_string(i) + "}";
    EXPECT_EQ(TestClient::text_of(c.client.call(Command(script, {tag + ":a", tag + ":b"}))), "both");
  }
}

TEST_F(RedisClusterTest, FollowsASlotThatMoves) {
  const std::string key = "wanderer";
  const std::size_t from = owner_of(key);
  const std::size_t to = (from + 1) % 3;
  const std::string slot = std::to_string(slot_of(key));
  const std::string from_id = admins[from]->say({"CLUSTER", "MYID"});
  const std::string to_id = admins[to]->say({"CLUSTER", "MYID"});
  TestClient c("redis+cluster://" + servers[0]->address());
  ASSERT_TRUE(c.client.wait_until_up(5 * kSecond));
  ASSERT_TRUE(eventually([&] { return set(c, key, "1") == "OK"; }));
  ASSERT_EQ(admins[to]->say({"CLUSTER", "SETSLOT", slot, "IMPORTING", from_id}), "OK");
  ASSERT_EQ(admins[from]->say({"CLUSTER", "SETSLOT", slot, "MIGRATING", to_id}), "OK");
  EXPECT_EQ(get(c, key), "1");
  ASSERT_EQ(admins[from]->say({"MIGRATE", "127.0.0.1", std::to_string(servers[to]->port()), key, "0", "1000"}), "OK");
  EXPECT_EQ(get(c, key), "1") << "the old owner says ASK";
  EXPECT_EQ(set(c, key, "2"), "OK");
  const Script script("return redis.call('GET', KEYS[1])");
  EXPECT_EQ(TestClient::text_of(c.client.call(Command(script, {key}))), "2") << "ASK, and the script is unknown there";
  for (const std::size_t i : {to, from}) ASSERT_EQ(admins[i]->say({"CLUSTER", "SETSLOT", slot, "NODE", to_id}), "OK");
  EXPECT_EQ(get(c, key), "2") << "the old owner says MOVED";
  EXPECT_EQ(get(c, key), "2");
}

TEST_F(RedisClusterTest, LosesOnlyTheSlotsOfANodeThatDies) {
  TestClient c("redis+cluster://" + servers[0]->address() + "," + servers[1]->address());
  ASSERT_TRUE(c.client.wait_until_up(5 * kSecond));
  std::vector<std::string> keys(3);
  for (int i = 0; keys[0].empty() || keys[1].empty() || keys[2].empty(); ++i) {
    const std::string key = "k" + std::to_string(i);
    keys[owner_of(key)] = key;
  }
  for (const std::string& key : keys) ASSERT_TRUE(eventually([&] { return set(c, key, "v") == "OK"; }));
  servers[2]->kill();
  EXPECT_TRUE(eventually([&] { return get(c, keys[2]).starts_with("fault:"); }));
  servers[2]->start();
  EXPECT_TRUE(eventually([&] { return set(c, keys[2], "again") == "OK"; }));
  for (const std::string& key : keys) EXPECT_TRUE(eventually([&] { return set(c, key, "v") == "OK"; }));
}

TEST(RedisSentinelTest, FollowsTheMasterThroughAFailover) {
  if (!in_path("redis-server")) GTEST_SKIP() << "redis-server is not installed";
  Server master;
  const Server replica("replicaof 127.0.0.1 " + std::to_string(master.port()) + "\nrepl-diskless-sync-delay 0\n");
  TestClient to_replica(replica.url());
  ASSERT_TRUE(eventually([&] {
    return to_replica.say({"INFO", "replication"}).find("master_link_status:up") != std::string::npos;
  }));
  const Server sentinel("sentinel monitor main 127.0.0.1 " + std::to_string(master.port()) +
                            " 1\nsentinel down-after-milliseconds main 500\nsentinel failover-timeout main 3000\n",
                        true);
  TestClient to_sentinel(sentinel.url());
  ASSERT_TRUE(eventually([&] { return !to_sentinel.call({"SENTINEL", "REPLICAS", "main"}).value.items.empty(); }));

  // The first sentinel of the list does not exist.
  TestClient c("redis+sentinel://127.0.0.1:1," + sentinel.address() + "/main");
  ASSERT_TRUE(c.client.wait_until_up(5 * kSecond));
  EXPECT_EQ(TestClient::text_of(c.client.call(Command({"SET"}).key("k").arg(std::string_view("v")))), "OK");
  EXPECT_NE(c.say({"CLIENT", "LIST"}).find("name=nexusrag"), std::string::npos);
  ASSERT_EQ(c.say({"WAIT", "1", "900"}), "1");
  master.kill();
  ASSERT_TRUE(eventually([&] { return !c.client.up(); }));
  EXPECT_TRUE(eventually(
      [&] { return TestClient::text_of(c.client.call(Command({"SET"}).key("k").arg(std::string_view("w")))) == "OK"; },
      30 * kSecond));
  EXPECT_EQ(to_replica.say({"GET", "k"}), "w");
}

}  // namespace
}  // namespace nexus::redis
