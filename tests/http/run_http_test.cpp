// POST /v1/run end to end: order of events, what is stored, what a client that leaves or comes back gets.
#include "json/json.h"
#include "support/test_app.h"

#include <gtest/gtest.h>

namespace nexus::testing {
namespace {

constexpr std::string_view kAsk = R"({"session_id":"s1","corpus_id":"c1","message":"What are the release gates?"})";

std::string final_text(const std::vector<SseFrame>& frames) {
  for (const SseFrame& frame : frames) {
    const boost::json::value payload = frame.json();
    if (payload.as_object().contains("type") && payload.at("type") == "message.final")
      return std::string(payload.at("data").at("text").as_string());
  }
  return {};
}

TEST(RunHttp, StreamsAcceptedDeltasFinalDoneWithAscendingSeq) {
  TestApp app;
  app.make_corpus("c1");
  app.add_document("c1", "The release gates are a signed checklist and two reviews.");
  TestClient client = app.client();
  SseStream stream = client.open_stream("/v1/run", kAsk);
  EXPECT_EQ(stream.head().status, 200);
  EXPECT_EQ(*stream.head().header("Content-Type"), "text/event-stream");
  EXPECT_EQ(*stream.head().header("Cache-Control"), "no-cache");
  EXPECT_EQ(*stream.head().header("X-SLA-Status"), "healthy");
  ASSERT_NE(stream.head().header("X-Request-Id"), nullptr);
  const std::vector<SseFrame> frames = stream.rest();
  EXPECT_EQ(event_types(frames),
            (std::vector<std::string>{"request.accepted", "token.delta", "token.delta", "token.delta", "token.delta",
                                      "token.delta", "message.final", "done"}));
  for (std::size_t i = 0; i < frames.size(); ++i) {
    EXPECT_EQ(frames[i].id, std::to_string(i + 1));
    EXPECT_EQ(frames[i].json().at("seq").to_number<std::size_t>(), i + 1);
    EXPECT_EQ(frames[i].json().at("session_id"), "s1");
  }
  EXPECT_EQ(final_text(frames), "This is a fake response. ");
  const boost::json::value final = frames[6].json().at("data");
  ASSERT_EQ(final.at("citations").as_array().size(), 1U);
  EXPECT_TRUE(std::string(final.at("citations").at(0).at("source").as_string()).starts_with("document://"));
  EXPECT_EQ(final.at("top_k").to_number<int>(), 5);
}

TEST(RunHttp, TellsWhatItRetrievedWhereThatIsWanted) {
  TestApp app(Changes{{"DEBUG_EVENTS", "true"}});
  app.make_corpus("c1");
  app.add_document("c1", "The release gates are a signed checklist and two reviews.");
  TestClient client = app.client();
  const std::vector<SseFrame> frames = client.open_stream("/v1/run", kAsk).rest();
  ASSERT_GE(frames.size(), 3U);
  EXPECT_EQ(frames[0].json().at("type"), "request.accepted");
  EXPECT_EQ(frames[1].json().at("type"), "debug.retrieval");
  EXPECT_EQ(json::write(frames[1].json().at("data")), R"({"provider":"local_pgvector","num_chunks":1})");
  const std::vector<SseFrame> unknown =
      client.open_stream("/v1/run", R"({"session_id":"s2","corpus_id":"none","message":"Anything?"})").rest();
  EXPECT_EQ(event_types(unknown), (std::vector<std::string>{"request.accepted", "error", "done"}));
}

TEST(RunHttp, StoresBothTurnsOfTheConversation) {
  TestApp app;
  app.make_corpus("c1");
  TestClient client = app.client();
  (void)client.open_stream("/v1/run", kAsk).rest();
  const Response got = client.get("/v1/sessions/s1/messages");
  ASSERT_EQ(got.status, 200) << got.body;
  const boost::json::array items = got.json().at("data").at("items").as_array();
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(items[0].at("role"), "user");
  EXPECT_EQ(items[1].at("role"), "assistant");
  EXPECT_EQ(items[1].at("content"), "This is a fake response. ");
}

TEST(RunHttp, TellsAnUnknownCorpusInsideTheStream) {
  TestApp app;
  TestClient client = app.client();
  const std::vector<SseFrame> frames = client.open_stream("/v1/run", kAsk).rest();
  EXPECT_EQ(event_types(frames), (std::vector<std::string>{"request.accepted", "error", "done"}));
  EXPECT_EQ(frames[1].json().at("data").at("code"), "RETRIEVAL_CONFIG_INVALID");
  EXPECT_EQ(frames[1].json().at("data").at("message"), "corpus not found");
}

TEST(RunHttp, RefusesUnknownFieldsAndTenantIds) {
  TestApp app;
  TestClient client = app.client();
  const Response closed = client.post("/v1/run", R"({"session_id":"s","corpus_id":"c","message":"m","zzz":1})");
  EXPECT_EQ(closed.status, 422);
  EXPECT_EQ(closed.json().at("error").at("details").at("errors").at(0).at("type"), "extra_forbidden");
  const Response tenant = client.post("/v1/run", R"({"session_id":"s","corpus_id":"c","message":"m","tenant_id":"x"})");
  EXPECT_EQ(tenant.status, 400);
  EXPECT_EQ(tenant.json().at("error").at("code"), "TENANT_ID_NOT_ALLOWED");
}

TEST(RunHttp, ResumesAfterTheLastEventOfTheSession) {
  TestApp app;
  app.make_corpus("c1");
  TestClient client = app.client();
  const std::vector<SseFrame> whole = client.open_stream("/v1/run", kAsk).rest();
  const std::vector<SseFrame> tail = client.open_stream("/v1/run", kAsk, {{"Last-Event-ID", "5"}}).rest();
  ASSERT_EQ(tail.size(), whole.size() - 5);
  for (std::size_t i = 0; i < tail.size(); ++i) {
    EXPECT_EQ(tail[i].id, whole[i + 5].id);
    EXPECT_EQ(tail[i].data, whole[i + 5].data);
  }
}

TEST(RunHttp, SaysThatAnUnknownRunCannotBeResumed) {
  TestApp app;
  TestClient client = app.client();
  for (const char* id : {"3", "not-a-number"}) {
    const std::vector<SseFrame> frames = client.open_stream("/v1/run", kAsk, {{"Last-Event-ID", id}}).rest();
    EXPECT_EQ(event_types(frames), (std::vector<std::string>{"resume.unsupported", "done"})) << id;
  }
}

TEST(RunHttp, KeepsASessionToThePrincipalWhoOpenedIt) {
  TestApp app;
  app.make_corpus("c1");
  TestClient first = app.client(app.make_key("reader"));
  TestClient second = app.client(app.make_key("reader"));
  (void)first.open_stream("/v1/run", kAsk).rest();
  const std::vector<SseFrame> frames = second.open_stream("/v1/run", kAsk).rest();
  EXPECT_EQ(event_types(frames), (std::vector<std::string>{"request.accepted", "error", "done"}));
  EXPECT_EQ(second.get("/v1/sessions/s1/messages").status, 404);
  EXPECT_EQ(app.client().get("/v1/sessions/s1/messages").status, 200) << "an admin reads any";
}

TEST(RunHttp, RefusesARunWhenNoPlaceIsFree) {
  TestApp app({{"RUN_MAX_CONCURRENCY", "1"}, {"SSE_FLUSH_INTERVAL_MS", "200"}});
  app.make_corpus("c1");
  TestClient client = app.client();
  SseStream running = client.open_stream("/v1/run", kAsk);
  ASSERT_TRUE(running.next().has_value());
  const Response refused = app.client().post("/v1/run", kAsk);
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.json().at("error").at("code"), "SERVICE_BUSY");
  EXPECT_EQ(*refused.header("Retry-After"), "1");
  (void)running.rest();
}

TEST(RunHttp, GivesThePlaceBackWhenTheReaderIsLost) {
  TestApp app({{"RUN_MAX_CONCURRENCY", "1"}, {"SSE_FLUSH_INTERVAL_MS", "50"}});
  app.make_corpus("c1");
  TestClient client = app.client();
  SseStream running = client.open_stream("/v1/run", kAsk);
  ASSERT_TRUE(running.next().has_value());
  running.connection().reset();
  int status = 503;
  for (int attempt = 0; attempt < 200'000 && status == 503; ++attempt)
    status = app.client().post("/v1/run", kAsk).status;
  EXPECT_EQ(status, 200);
}

TEST(SearchHttp, ReturnsHitsWithSpansThatCanBeChecked) {
  TestApp app;
  app.make_corpus("c1");
  const std::string id = app.add_document("c1", "Apples are red.\n\nBananas are yellow and bent.");
  TestClient client = app.client();
  const Response got = client.post("/v1/search", R"({"corpus_id":"c1","query":"yellow bananas","explain":true})");
  ASSERT_EQ(got.status, 200) << got.body;
  const boost::json::value data = got.json().at("data");
  ASSERT_FALSE(data.at("hits").as_array().empty());
  const boost::json::value hit = data.at("hits").at(0);
  EXPECT_EQ(hit.at("document_id").as_string(), id);
  const std::string text = client.get("/v1/documents/" + id + "/content?format=text").body;
  const auto start = hit.at("start").to_number<std::size_t>();
  const auto end = hit.at("end").to_number<std::size_t>();
  EXPECT_EQ(text.substr(start, end - start), hit.at("text").as_string());
  EXPECT_GT(hit.at("lexical").to_number<double>(), 0);
}

TEST(SearchHttp, UsesTheModeThatIsAskedFor) {
  TestApp app;
  app.make_corpus("c1");
  app.add_document("c1", "Bananas are yellow and bent.");
  TestClient client = app.client();
  for (const char* mode : {"lexical", "dense", "hybrid"}) {
    const Response got =
        client.post("/v1/search", json::write(boost::json::object{
                                      {"corpus_id", "c1"}, {"query", "yellow bananas"}, {"mode", mode}, {"top_k", 3}}));
    ASSERT_EQ(got.status, 200) << got.body;
    EXPECT_EQ(got.json().at("data").at("mode"), mode);
    EXPECT_EQ(got.json().at("data").at("top_k").as_int64(), 3);
    EXPECT_EQ(got.json().at("data").at("hits").as_array().size(), 1U) << mode;
    EXPECT_TRUE(got.json().at("data").at("hits").at(0).at("lexical").is_null()) << "only with explain";
  }
}

TEST(SearchHttp, RefusesWhatItDoesNotKnow) {
  TestApp app;
  app.make_corpus("c1");
  TestClient client = app.client();
  EXPECT_EQ(client.post("/v1/search", R"({"corpus_id":"nope","query":"x"})").status, 404);
  for (const char* body :
       {R"({"corpus_id":"c1","query":""})", R"({"corpus_id":"c1","query":"x","mode":"magic"})",
        R"({"corpus_id":"c1","query":"x","top_k":0})", R"({"corpus_id":"c1","query":"x","top_k":101})",
        R"({"corpus_id":"c1","query":"x","zzz":1})"})
    EXPECT_EQ(client.post("/v1/search", body).status, 422) << body;
}

TEST(SearchHttp, FindsNothingWhereNothingMatches) {
  TestApp app;
  app.make_corpus("c1");
  app.add_document("c1", "Bananas are yellow and bent.");
  TestClient client = app.client();
  for (const char* query : {"xylophone", "\u53d1\u5e03\u95e8\u69db", "?!", " "}) {
    const Response got = client.post("/v1/search", std::string(R"({"corpus_id":"c1","query":")") + query + "\"}");
    ASSERT_EQ(got.status, 200) << got.body;
    EXPECT_TRUE(got.json().at("data").at("hits").as_array().empty()) << query << got.body;
  }
}

TEST(RunHttp, ObeysItsKillSwitch) {
  TestApp app(Changes{{"KILL_RUN", "true"}});
  const Response refused = app.client().post("/v1/run", kAsk);
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.json().at("error").at("code"), "FEATURE_TEMPORARILY_DISABLED");
  EXPECT_EQ(refused.json().at("error").at("message"), "Run is temporarily disabled");
}

TEST(RunHttp, StreamsToOldClientsWithoutChunks) {
  TestApp app;
  app.make_corpus("c1");
  RawConnection connection(app.port());
  connection.send("POST /v1/run HTTP/1.0\r\nAuthorization: Bearer " + app.make_key() +
                  "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(kAsk.size()) + "\r\n\r\n" +
                  std::string(kAsk));
  const std::string all = connection.read_all();
  EXPECT_EQ(all.find("Transfer-Encoding"), std::string::npos);
  EXPECT_NE(all.find("\"type\":\"done\""), std::string::npos);
}

}  // namespace
}  // namespace nexus::testing
