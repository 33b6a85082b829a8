// What the audit log shows of real requests, and that its chain stays whole under load.
#include "http/contract_kit.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <atomic>
#include <thread>

namespace nexus::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::string_view kAsk = R"({"session_id":"s1","corpus_id":"c1","message":"What are the release gates?"})";

class AuditHttp : public ::testing::Test {
 protected:
  AuditHttp() : client_(app_.client()) { app_.make_corpus("c1"); }

  /// Events of this type, newest first. What is recorded beside requests has been written before.
  boost::json::array events(std::string_view type) {
    app_.core().audit->flush();
    return data_of(client_.get("/v1/audit/events?limit=200&event_type=" + std::string(type))).at("items").as_array();
  }
  boost::json::object only(std::string_view type) {
    const boost::json::array found = events(type);
    EXPECT_EQ(found.size(), 1U) << type;
    return found.empty() ? boost::json::object{} : found[0].as_object();
  }

  TestApp app_;
  TestClient client_;
};

TEST_F(AuditHttp, RecordsARunUnderItsRequestId) {
  SseStream stream = client_.open_stream("/v1/run", kAsk, {{"X-Request-Id", "run-1"}, {"User-Agent", "tester/1"}});
  const std::vector<SseFrame> frames = stream.rest();
  const boost::json::object event = only("run.invoked");
  EXPECT_EQ(event.at("request_id"), "run-1");
  EXPECT_EQ(event.at("tenant_id"), "t1");
  EXPECT_EQ(event.at("outcome"), "success");
  EXPECT_EQ(event.at("actor_type"), "api_key");
  EXPECT_EQ(event.at("actor_role"), "admin");
  EXPECT_EQ(event.at("resource_type"), "run");
  EXPECT_EQ(event.at("resource_id"), frames[0].json().at("request_id"));
  EXPECT_EQ(event.at("ip_address"), "127.0.0.1");
  EXPECT_EQ(event.at("user_agent"), "tester/1");
  EXPECT_EQ(event.at("metadata_json").at("corpus_id"), "c1");
  EXPECT_THAT(json::write(event), Not(HasSubstr("release gates"))) << "questions are content";
}

TEST_F(AuditHttp, RecordsTheLifeOfADocument) {
  const Response added =
      client_.post("/v1/documents/text", R"({"corpus_id":"c1","document_id":"d1","text":"Confidential words."})",
                   {{"X-Request-Id", "add-1"}});
  ASSERT_EQ(added.status, 202) << added.body;
  (void)app_.wait_for_document(client_, "d1");
  ASSERT_EQ(client_.post("/v1/documents/d1/reindex", "{}", {{"X-Request-Id", "again-1"}}).status, 202);
  (void)app_.wait_for_document(client_, "d1");
  ASSERT_EQ(client_.del("/v1/documents/d1", {{"X-Request-Id", "del-1"}}).status, 204);

  const boost::json::object enqueued = only("documents.ingest.enqueued");
  EXPECT_EQ(enqueued.at("request_id"), "add-1");
  EXPECT_EQ(enqueued.at("resource_id"), "d1");
  EXPECT_EQ(enqueued.at("metadata_json").at("job_id"), data_of(added).at("job_id"));
  EXPECT_EQ(enqueued.at("metadata_json").at("char_count").as_int64(), 19);
  EXPECT_EQ(only("documents.reindex.enqueued").at("request_id"), "again-1");
  EXPECT_EQ(only("document.deleted").at("request_id"), "del-1");
  EXPECT_EQ(only("documents.deleted").at("metadata_json").at("corpus_id"), "c1");
  app_.core().audit->flush();
  EXPECT_THAT(client_.get("/v1/audit/events?limit=200").body, Not(HasSubstr("Confidential")));
}

TEST_F(AuditHttp, RecordsAnUpload) {
  ASSERT_EQ(upload_file(client_, "c1", {"a.txt", "text/plain", "alpha file"}).status, 202);
  const boost::json::object event = only("documents.ingest.enqueued");
  EXPECT_EQ(event.at("metadata_json").at("file_name"), "a.txt");
  EXPECT_EQ(event.at("metadata_json").at("file_mime"), "text/plain");
  EXPECT_EQ(event.at("metadata_json").at("byte_count").as_int64(), 10);
  EXPECT_EQ(event.at("metadata_json").at("ingest_source"), "upload_file");
}

TEST_F(AuditHttp, RecordsCorporaAndWhatWasChanged) {
  ASSERT_EQ(client_.patch("/v1/corpora/c1", R"({"name":"x"})").status, 200);
  ASSERT_EQ(client_.del("/v1/corpora/c1").status, 204);
  EXPECT_EQ(only("corpora.created").at("resource_id"), "c1");
  EXPECT_EQ(json::write(only("corpora.updated").at("metadata_json").at("updated_fields")), R"(["name"])");
  EXPECT_EQ(only("corpora.deleted").at("resource_type"), "corpus");
}

TEST_F(AuditHttp, RecordsNothingOfWhatWasRefusedLater) {
  ASSERT_EQ(client_.patch("/v1/corpora/nope", R"({"name":"x"})").status, 404);
  ASSERT_EQ(client_.del("/v1/documents/nope").status, 404);
  EXPECT_THAT(events("corpora.updated"), IsEmpty());
  EXPECT_THAT(events("documents.deleted"), IsEmpty());
}

TEST_F(AuditHttp, RecordsAccessAndItsRefusals) {
  TestClient reader = app_.client(app_.make_key("reader"));
  ASSERT_EQ(reader.get("/v1/audit/events", {{"X-Request-Id", "no-1"}}).status, 403);
  const boost::json::object forbidden = only("rbac.forbidden");
  EXPECT_EQ(forbidden.at("request_id"), "no-1");
  EXPECT_EQ(forbidden.at("outcome"), "failure");
  EXPECT_EQ(forbidden.at("error_code"), "AUTH_FORBIDDEN");
  EXPECT_EQ(forbidden.at("metadata_json").at("required_role"), "admin");
  const boost::json::array successes = events("auth.access.success");
  ASSERT_FALSE(successes.empty());
  EXPECT_TRUE(successes[0].at("request_id").is_string());
  EXPECT_EQ(successes[0].at("metadata_json").at("method"), "GET");
}

TEST_F(AuditHttp, NamesTheClientBehindATrustedProxyOnly) {
  const Pairs forwarded{{"X-Forwarded-For", "203.0.113.9"}};
  ASSERT_EQ(client_.patch("/v1/corpora/c1", R"({"name":"x"})", forwarded).status, 200);
  EXPECT_EQ(only("corpora.updated").at("ip_address"), "203.0.113.9") << "loopback is trusted unless told otherwise";
  TestApp exposed(Changes{{"TRUSTED_PROXIES", ""}});
  exposed.make_corpus("c1");
  TestClient client = exposed.client();
  ASSERT_EQ(client.patch("/v1/corpora/c1", R"({"name":"x"})", forwarded).status, 200);
  const boost::json::value page = data_of(client.get("/v1/audit/events?event_type=corpora.updated"));
  EXPECT_EQ(page.at("items").at(0).at("ip_address"), "127.0.0.1");
}

TEST_F(AuditHttp, PagesWithoutGapsWhileEventsArrive) {
  for (int i = 0; i < 7; ++i) (void)client_.patch("/v1/corpora/c1", R"({"name":"x"})");
  const std::string base = "/v1/audit/events?event_type=corpora.updated&limit=3";
  std::vector<std::int64_t> ids;
  std::string cursor;
  for (;;) {
    const boost::json::value page = data_of(client_.get(base + (cursor.empty() ? "" : "&cursor=" + cursor)));
    for (const boost::json::value& item : page.at("items").as_array()) ids.push_back(item.at("id").as_int64());
    (void)client_.patch("/v1/corpora/c1", R"({"name":"y"})");
    if (page.at("next_cursor").is_null()) break;
    cursor = text_of(page.at("next_cursor"));
  }
  EXPECT_EQ(ids.size(), 7U);
  EXPECT_TRUE(std::is_sorted(ids.rbegin(), ids.rend()));
  const boost::json::value second = data_of(client_.get(base + "&offset=3"));
  EXPECT_EQ(second.at("items").as_array().size(), 3U);
  EXPECT_EQ(second.at("next_offset").as_int64(), 6);
  const Response forged = client_.get(base + "&cursor=" + cursor + "x");
  EXPECT_EQ(forged.status, 400);
  EXPECT_EQ(code_of(forged), "INVALID_CURSOR");
}

TEST_F(AuditHttp, ReadsOneEvent) {
  const std::int64_t id = only("corpora.created").at("id").as_int64();
  EXPECT_EQ(data_of(client_.get("/v1/audit/events/" + std::to_string(id))).at("event_type"), "corpora.created");
  EXPECT_EQ(client_.get("/v1/audit/events/999999999").status, 404);
  EXPECT_EQ(client_.get("/v1/audit/events/abc").status, 422);
}

TEST_F(AuditHttp, KeepsItsChainWholeUnderAMixedLoad) {
  constexpr int kThreads = 16;
  constexpr int kRounds = 6;
  std::vector<std::string> keys;
  for (int i = 0; i < kThreads; ++i) keys.push_back(app_.make_key("admin", i % 2 == 0 ? "t1" : "t2"));
  app_.make_corpus("c1", "t2");
  std::atomic<int> failures{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      TestClient client(app_.port(), std::chrono::seconds(60));
      client.bearer(keys[static_cast<std::size_t>(t)]);
      for (int round = 0; round < kRounds; ++round) {
        const std::string id = fmt::format("d-{}-{}", t, round);
        const Response added = add_text(client, "c1", "Words of " + id, {{"document_id", id}});
        const int ran = client.post("/v1/run", kAsk).status;
        const int refused = client.get("/v1/documents/nope").status;
        const int patched = client.patch("/v1/corpora/c1", R"({"name":"x"})").status;
        if (added.status != 202 || (ran != 200 && ran != 503) || refused != 404 || patched != 200) ++failures;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  for (const std::string& key : {keys[0], keys[1]}) {
    TestClient client = app_.client(key);
    const boost::json::value report = data_of(client.get("/v1/audit/verify"));
    EXPECT_TRUE(report.at("valid").as_bool()) << json::write(report);
    EXPECT_TRUE(report.at("problem").is_null());
    EXPECT_GE(report.at("events_checked").as_int64(), kThreads / 2 * kRounds * 3);
  }
}

TEST_F(AuditHttp, NamesTheFirstEventThatWasAltered) {
  const std::int64_t id = only("corpora.created").at("id").as_int64();
  app_.core().db->run_script("UPDATE audit_events SET actor_id = 'someone' WHERE id = " + std::to_string(id));
  const boost::json::value report = data_of(client_.get("/v1/audit/verify"));
  EXPECT_FALSE(report.at("valid").as_bool());
  EXPECT_EQ(report.at("problem").at("event_id").as_int64(), id);
  EXPECT_EQ(report.at("problem").at("damage"), "altered");
}

}  // namespace
}  // namespace nexus::testing
