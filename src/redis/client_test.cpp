#include "redis/client.h"

#include "redis/server_fixture.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>
#include <thread>

namespace nexus::redis {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace)

class RedisClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!in_path("redis-server")) GTEST_SKIP() << "redis-server is not installed";
  }
};

/// The bounds of production.
ClientOptions quick() {
  ClientOptions options;
  options.backoff_most_us = 200 * kMs;
  return options;
}

TEST_F(RedisClientTest, AnswersCommandsInTheirOrderFromManyThreads) {
  const Server server;
  TestClient c(server.url() + "/2");
  ASSERT_TRUE(c.client.wait_until_up(5 * kSecond));
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        const std::string mine = std::to_string(t) + ":" + std::to_string(i);
        if (c.say({"ECHO", mine}) != mine) ++wrong;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(c.metrics.counter("nexusrag_redis_commands_total", {{"outcome", "answered"}}).value(), 1'600u);
  EXPECT_NE(c.say({"CLIENT", "LIST"}).find("name=nexusrag"), std::string::npos);
  EXPECT_NE(c.say({"CLIENT", "LIST"}).find("db=2"), std::string::npos);
}

TEST_F(RedisClientTest, SendsAScriptAsTextOnlyWhereItIsUnknown) {
  const Server server;
  TestClient c(server.url());
  const Script script("return KEYS[1] .. ARGV[1]");
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(TestClient::text_of(c.client.call(Command(script, {"k"}).arg(std::string_view("v")))), "kv");
    EXPECT_EQ(c.say({"SCRIPT", "FLUSH"}), "OK");
  }
  EXPECT_EQ(TestClient::text_of(c.client.call(Command(script, {"k"}).arg(std::int64_t{7}))), "k7");
}

TEST_F(RedisClientTest, LogsInAsAnAclUserAndIsNotUpWithTheWrongPassword) {
  const Server server("user default off\nuser app on >s3cret ~* &* +@all\n");
  TestClient good("redis://app:s3cret@" + server.address());
  EXPECT_TRUE(good.client.wait_until_up(5 * kSecond));
  EXPECT_EQ(good.say({"ACL", "WHOAMI"}), "app");
  ::testing::internal::CaptureStderr();
  TestClient bad("redis://app:wr0ng@" + server.address());
  EXPECT_FALSE(bad.client.wait_until_up(300 * kMs));
  EXPECT_EQ(bad.say({"PING"}), "fault:unavailable");
  bad.client.close();
  const std::string logged = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(logged.find("wr0ng"), std::string::npos) << logged;
}

TEST_F(RedisClientTest, LogsInWithAPasswordAlone) {
  const Server server("requirepass s3cret\n");
  TestClient c("redis://:s3cret@" + server.address());
  EXPECT_TRUE(c.client.wait_until_up(5 * kSecond));
}

TEST_F(RedisClientTest, RefusesAtOnceWhileNobodyListensAndConnectsByItselfLater) {
  Server server;
  server.kill();
  TestClient c(server.url(), quick());
  ASSERT_TRUE(eventually([&] { return c.say({"PING"}) == "fault:unavailable"; }));
  const auto begun = std::chrono::steady_clock::now();
  for (int i = 0; i < 100; ++i) EXPECT_NE(c.call({"PING"}).fault, Fault::kNone);
  // A hundred waits of the command timeout would be 5 s.
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(2));
  server.start();
  EXPECT_TRUE(c.client.wait_until_up(5 * kSecond));
  EXPECT_TRUE(eventually([&] { return c.say({"PING"}) == "PONG"; }));
}

TEST_F(RedisClientTest, NeverWaitsLongerThanItsTimeForAServerThatHangs) {
  const Server server;
  TestClient c(server.url(), quick());
  ASSERT_TRUE(c.client.wait_until_up(5 * kSecond));
  server.freeze();
  const auto timed = [&] {
    const auto begun = std::chrono::steady_clock::now();
    const Reply reply = c.call({"PING"});
    EXPECT_NE(reply.fault, Fault::kNone);
    return std::chrono::steady_clock::now() - begun;
  };
  EXPECT_LT(timed(), std::chrono::milliseconds(500));  // 50 ms, on a busy machine
  // From the second on nobody waits: the connection is known to hang.
  ASSERT_TRUE(eventually([&] { return c.call({"PING"}).fault == Fault::kUnavailable; }));
  const auto begun = std::chrono::steady_clock::now();
  for (int i = 0; i < 100; ++i) (void)timed();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(2));
  server.thaw();
  EXPECT_TRUE(eventually([&] { return c.say({"PING"}) == "PONG"; }));
}

TEST_F(RedisClientTest, ComesBackAfterAKillWithoutHelp) {
  Server server;
  TestClient c(server.url(), quick());
  ASSERT_TRUE(c.client.wait_until_up(5 * kSecond));
  for (int round = 0; round < 2; ++round) {
    server.kill();
    ASSERT_TRUE(eventually([&] { return !c.client.up(); }));
    EXPECT_EQ(c.say({"PING"}), "fault:unavailable");
    server.start();
    EXPECT_TRUE(eventually([&] { return c.say({"PING"}) == "PONG"; }));
  }
}

TEST_F(RedisClientTest, DiscardsLateAnswersInsteadOfGivingThemToOthers) {
  const Server server;
  TestClient c(server.url());
  ASSERT_TRUE(c.client.wait_until_up(5 * kSecond));
  EXPECT_EQ(c.client.call(Command({"BLPOP", "nothing", "0.1"}), 20 * kMs).fault, Fault::kTimeout);
  EXPECT_TRUE(eventually([&] { return c.say({"ECHO", "mine"}) == "mine"; }));
}

TEST_F(RedisClientTest, BoundsWhatWaits) {
  const Server server;
  ClientOptions options = TestClient::patient();
  options.max_pending = 4;
  options.max_command_bytes = 1'000;
  TestClient c(server.url(), options);
  ASSERT_TRUE(c.client.wait_until_up(5 * kSecond));
  EXPECT_EQ(c.say({"ECHO", std::string(2'000, 'x')}), "fault:busy");
  server.freeze();
  std::atomic<int> busy = 0;
  std::latch rest(10);
  for (int i = 0; i < 10; ++i)
    c.client.send(Command({"PING"}), [&](const Reply& reply) {
      if (reply.fault == Fault::kBusy) ++busy;
      rest.count_down();
    });
  server.thaw();
  rest.wait();
  EXPECT_EQ(busy, 6);
}

TEST_F(RedisClientTest, ClosingEndsWhatIsUnderWay) {
  const Server server;
  TestClient c(server.url());
  ASSERT_TRUE(c.client.wait_until_up(5 * kSecond));
  std::promise<Reply> told;
  c.client.send(
      Command({"BLPOP", "nothing", "0"}), [&](Reply reply) { told.set_value(std::move(reply)); }, 60 * kSecond);
  c.client.close();
  EXPECT_EQ(told.get_future().get().fault, Fault::kClosed);
  EXPECT_EQ(c.say({"PING"}), "fault:closed");
  EXPECT_FALSE(c.client.up());
}

TEST_F(RedisClientTest, HearsAChannelAgainAfterTheServerWasAway) {
  Server server;
  TestClient c(server.url());
  std::atomic<int> heard = 0;
  std::atomic<int> lost = 0;
  std::atomic<int> messages = 0;
  c.client.subscribe({.channel = "news",
                      .message = [&](std::string_view text) { messages += text == "hello" ? 1 : 100; },
                      .heard = [&] { ++heard; },
                      .lost = [&] { ++lost; }});
  ASSERT_TRUE(eventually([&] { return heard == 1; }));
  EXPECT_EQ(c.say({"PUBLISH", "news", "hello"}), "1");
  ASSERT_TRUE(eventually([&] { return messages == 1; }));
  server.kill();
  ASSERT_TRUE(eventually([&] { return lost == 1; }));
  server.start();
  ASSERT_TRUE(eventually([&] { return heard == 2 && c.client.up(); }));
  EXPECT_EQ(c.say({"PUBLISH", "news", "hello"}), "1");
  EXPECT_TRUE(eventually([&] { return messages == 2; }));
}

TEST_F(RedisClientTest, AnIdleConnectionIsAskedAndAHangingServerNoticedWithoutACommand) {
  const Server server;
  ClientOptions options = quick();
  options.idle_ping_us = 100 * kMs;
  TestClient c(server.url(), options);
  ASSERT_TRUE(c.client.wait_until_up(5 * kSecond));
  server.freeze();
  EXPECT_TRUE(eventually([&] { return !c.client.up(); }));
  server.thaw();
  EXPECT_TRUE(c.client.wait_until_up(5 * kSecond));
}

// ---- TLS ----

class RedisTlsTest : public RedisClientTest {
 protected:
  void SetUp() override {
    RedisClientTest::SetUp();
    if (IsSkipped()) return;
    if (!in_path("openssl")) GTEST_SKIP() << "openssl is not installed";
    authority("ca");
    authority("other");
    run({"openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
         folder.file("server.key"), "-out", folder.file("server.csr"), "-subj", "/CN=redis.test"});
    std::ofstream(folder.file("names")) << "subjectAltName=DNS:redis.test\n";
    run({"openssl", "x509", "-req", "-in", folder.file("server.csr"), "-CA", folder.file("ca.crt"), "-CAkey",
         folder.file("ca.key"), "-CAcreateserial", "-days", "2", "-extfile", folder.file("names"), "-out",
         folder.file("server.crt")});
  }
  void authority(const std::string& name) const {
    run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-keyout", folder.file(name + ".key"), "-out", folder.file(name + ".crt"), "-subj", "/CN=" + name});
  }
  [[nodiscard]] std::string config(const std::string& clients) const {
    return "tls-cert-file " + folder.file("server.crt") + "\ntls-key-file " + folder.file("server.key") +
           "\ntls-ca-cert-file " + folder.file("ca.crt") + "\ntls-auth-clients " + clients + "\n";
  }
  [[nodiscard]] ClientOptions trusting(const std::string& authority_name, const std::string& server_name) const {
    ClientOptions options = TestClient::patient();
    options.tls.ca_file = folder.file(authority_name + ".crt");
    options.tls.server_name = server_name;
    return options;
  }
  ScratchFolder folder;
};

TEST_F(RedisTlsTest, TrustsTheNamedAuthorityAndTheExpectedNameOnly) {
  const Server server(config("no"), false, false);
  const std::string url = "rediss://" + server.address();
  TestClient good(url, trusting("ca", "redis.test"));
  ASSERT_TRUE(good.client.wait_until_up(5 * kSecond));
  EXPECT_EQ(good.say({"ECHO", std::string(100'000, 'x')}).size(), 100'000u);
  TestClient stranger(url, trusting("other", "redis.test"));
  TestClient misnamed(url, trusting("ca", "other.test"));
  TestClient by_address(url, trusting("ca", ""));
  EXPECT_FALSE(stranger.client.wait_until_up(300 * kMs));
  EXPECT_FALSE(misnamed.client.wait_until_up(300 * kMs));
  EXPECT_FALSE(by_address.client.wait_until_up(300 * kMs));
}

TEST_F(RedisTlsTest, ShowsACertificateOfItsOwnWhenAsked) {
  const Server server(config("yes"), false, false);
  const std::string url = "rediss://" + server.address();
  ClientOptions options = trusting("ca", "redis.test");
  TestClient bare(url, options);
  options.tls.cert_file = folder.file("server.crt");
  options.tls.key_file = folder.file("server.key");
  TestClient known(url, options);
  EXPECT_TRUE(known.client.wait_until_up(5 * kSecond));
  EXPECT_FALSE(bare.client.wait_until_up(300 * kMs));
}

TEST_F(RedisTlsTest, DoesNotStartWithoutTheFileOfAuthorities) {
  observe::Metrics metrics;
  EXPECT_THROW(Client(parse_url("rediss://127.0.0.1:1"), trusting("missing", ""), metrics), std::runtime_error);
}

}  // namespace
}  // namespace nexus::redis
