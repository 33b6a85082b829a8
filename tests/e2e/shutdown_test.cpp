// SIGTERM: not ready at once, streams and uploads finish, jobs go back to the queue, exit 0. A second one ends it.
#include "e2e/stored_state.h"
#include "e2e/traffic.h"

#include <gtest/gtest.h>

#include <csignal>
#include <future>

namespace nexus::e2e {
namespace {

constexpr std::string_view kAsk = R"({"session_id":"SESSION","corpus_id":"c1","message":"What are the gates?"})";

std::string ask(const std::string& session) {
  std::string body(kAsk);
  return body.replace(body.find("SESSION"), 7, session);
}

bool refuses_connections(std::uint16_t port) {
  try {
    const testing::RawConnection connection(port);
    return false;
  } catch (const std::runtime_error&) {
    return true;
  }
}

TEST(Shutdown, FinishesStreamsAndUploadsWhileItIsNotReady) {
  Server server(Environment{{"SSE_FLUSH_INTERVAL_MS", "300"}});
  server.start();
  TestClient client = server.client();
  make_corpus(client, "c1");
  std::vector<testing::SseStream> streams;
  for (int i = 0; i < 4; ++i) {
    streams.push_back(client.open_stream("/v1/run", ask("s" + std::to_string(i))));
    ASSERT_TRUE(streams.back().next().has_value());
  }
  // Requests that have begun when the signal comes: a probe, and a file half sent.
  testing::RawConnection probe(server.port());
  probe.send("GET /readyz HTTP/1.1\r\n");
  const Planned document = plan_document("late", 2000);
  testing::Multipart form;
  form.field("corpus_id", "c1")
      .field("document_id", document.id)
      .file("file", "late.md", "text/markdown", document.text);
  const std::string body = form.body();
  testing::RawConnection upload(server.port());
  upload.send("POST /v1/documents HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + server.key() +
              "\r\nContent-Type: " + form.content_type() + "\r\nContent-Length: " + std::to_string(body.size()) +
              "\r\n\r\n");
  upload.send(std::string_view(body).substr(0, body.size() / 2));
  ASSERT_EQ(client.get("/readyz").status, 200);

  server.process().signal(SIGTERM);
  ASSERT_TRUE(eventually([&] { return refuses_connections(server.port()); }));
  probe.send("Host: localhost\r\n\r\n");
  EXPECT_EQ(probe.read_response().status, 503) << "a stopping server is not ready";
  upload.send(std::string_view(body).substr(body.size() / 2));
  EXPECT_EQ(upload.read_response().status, 202);
  for (testing::SseStream& stream : streams) {
    const std::vector<testing::SseFrame> frames = stream.rest();
    ASSERT_FALSE(frames.empty());
    EXPECT_EQ(frames.back().json().at("type"), "done") << stream.transcript();
  }
  const std::optional<Ending> ending = server.process().wait(std::chrono::seconds(60));
  ASSERT_TRUE(ending.has_value());
  EXPECT_EQ(ending->code, 0);

  server.start();
  TestClient after = server.client();
  ASSERT_TRUE(all_settled(after));
  EXPECT_TRUE(is_whole(after, "c1", document));
  EXPECT_EQ(server.stop(), 0);
}

TEST(Shutdown, GivesJobsBackToTheQueueForTheNextStart) {
  // Leases so long that only a job that was given back can be finished in time.
  Server server(Environment{{"JOB_LEASE_S", "3600"}});
  server.start();
  TestClient client = server.client();
  make_corpus(client, "c1", "structured");
  std::vector<Planned> documents;
  for (int i = 0; i < 5; ++i) documents.push_back(plan_document("big" + std::to_string(i), 6000));
  for (const Planned& document : documents) ASSERT_EQ(send_text(client, "c1", document).status, 202);
  ASSERT_TRUE(eventually([&] { return status_of(client, "big0") != "queued"; }));
  EXPECT_EQ(server.stop(), 0);
  {
    const StoredState stored(server.installation().database());
    EXPECT_EQ(stored.number("SELECT count(*) FROM jobs WHERE state = 'leased'"), 0);
    EXPECT_EQ(stored.number("SELECT count(*) FROM jobs WHERE state = 'dead'"), 0);
    EXPECT_EQ(stored.number("SELECT count(*) FROM jobs WHERE state = 'queued' AND attempts > 0"), 0)
        << "an attempt that a stop cut off does not count";
    EXPECT_GT(stored.number("SELECT count(*) FROM jobs WHERE state = 'queued'"), 0) << "nothing was left to give back";
  }
  server.start();
  TestClient after = server.client();
  ASSERT_TRUE(all_settled(after)) << server.log();
  for (const Planned& document : documents) EXPECT_TRUE(is_whole(after, "c1", document));
  EXPECT_EQ(server.stop(), 0);
  EXPECT_EQ(StoredState(server.installation().database()).damage(server.installation().data()),
            std::vector<std::string>{});
}

TEST(Shutdown, EndsAtOnceAtTheSecondSignal) {
  Server server(Environment{{"SSE_FLUSH_INTERVAL_MS", "10000"}, {"SHUTDOWN_GRACE_S", "600"}});
  server.start();
  TestClient client = server.client();
  make_corpus(client, "c1");
  testing::SseStream stream = client.open_stream("/v1/run", ask("s1"));
  ASSERT_TRUE(stream.next().has_value());
  server.process().signal(SIGTERM);
  ASSERT_TRUE(eventually([&] { return refuses_connections(server.port()); }));
  EXPECT_FALSE(server.process().ended().has_value()) << "the open stream holds it";
  server.process().signal(SIGTERM);
  EXPECT_TRUE(server.process().wait(std::chrono::seconds(10)).has_value());
  server.start();
  TestClient after = server.client();
  EXPECT_EQ(after.get("/v1/sessions/s1/messages").status, 200);
  EXPECT_EQ(server.stop(), 0);
}

TEST(Shutdown, CutsStreamsOffWhenTheGraceIsOver) {
  // Slower than the test has patience for: only a stream that is cut off lets the server end.
  Server server(Environment{{"SSE_FLUSH_INTERVAL_MS", "10000"}, {"SHUTDOWN_GRACE_S", "1"}});
  server.start();
  TestClient client = server.client();
  make_corpus(client, "c1");
  testing::SseStream stream = client.open_stream("/v1/run", ask("s1"));
  ASSERT_TRUE(stream.next().has_value());
  server.process().signal(SIGTERM);
  const std::optional<Ending> ending = server.process().wait(std::chrono::seconds(9));
  ASSERT_TRUE(ending.has_value());
  EXPECT_EQ(ending->code, 0);
  EXPECT_THROW(static_cast<void>(stream.rest()), std::runtime_error) << "a cut stream does not look finished";
}

TEST(Shutdown, OfAnIdleServerAndAWorkerEndsWithZero) {
  Server server(Environment{{"WORKERS_IN_PROCESS", "false"}});
  server.start();
  const auto worker = server.installation().launch({"worker"}, "worker.log");
  const auto has_started = [&] {
    return StoredState(server.installation().database()).number("SELECT count(*) FROM worker_heartbeats") > 0;
  };
  ASSERT_TRUE(eventually(has_started)) << server.installation().output_of("worker.log");
  worker->signal(SIGINT);
  const std::optional<Ending> ending = worker->wait(std::chrono::seconds(30));
  ASSERT_TRUE(ending.has_value());
  EXPECT_EQ(ending->code, 0) << server.installation().output_of("worker.log");
  EXPECT_EQ(server.stop(), 0);
}

}  // namespace
}  // namespace nexus::e2e
