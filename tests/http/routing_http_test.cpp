// Paths that lead nowhere, wrong verbs, slashes, probes, documentation, request ids.
#include "http/contract_kit.h"

#include <gmock/gmock.h>

namespace nexus::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class RoutingHttp : public ::testing::Test {
 protected:
  RoutingHttp() : client_(app_.anonymous()) {}
  TestApp app_;
  TestClient client_;
};

TEST_F(RoutingHttp, AnswersUnknownPathsInTheFormOfTheirSurface) {
  const Response versioned = client_.get("/v1/nope");
  EXPECT_EQ(versioned.status, 404);
  EXPECT_EQ(code_of(versioned), "NOT_FOUND");
  EXPECT_EQ(message_of(versioned), "Not Found");
  EXPECT_FALSE(versioned.json().at("error").as_object().contains("details"));
  EXPECT_EQ(versioned.header("Deprecation"), nullptr);
  const Response legacy = client_.get("/nope");
  EXPECT_EQ(legacy.body, R"({"detail":"Not Found"})");
  EXPECT_EQ(*legacy.header("Deprecation"), "true");
  for (const char* path : {"/", "/redoc", "/v1/redoc", "/v1", "/v1x", "/v2/health", "//health", "/v1/documents/a/b"})
    EXPECT_EQ(client_.get(path).status, 404) << path;
  EXPECT_EQ(client_.get("/").header("Deprecation"), nullptr);
}

TEST_F(RoutingHttp, NamesTheVerbsThatAPathKnows) {
  const Response put = client_.request("PUT", "/v1/corpora");
  EXPECT_EQ(put.status, 405);
  EXPECT_EQ(code_of(put), "UNKNOWN_ERROR");
  EXPECT_EQ(message_of(put), "Method Not Allowed");
  EXPECT_EQ(*put.header("Allow"), "GET, POST");
  EXPECT_EQ(*client_.request("GET", "/v1/run").header("Allow"), "POST");
  EXPECT_EQ(*client_.request("PUT", "/v1/documents/d1").header("Allow"), "GET, DELETE");
  const Response made_up = client_.request("BREW", "/v1/health");
  EXPECT_EQ(made_up.status, 405);
  EXPECT_EQ(*made_up.header("Allow"), "GET");
}

TEST_F(RoutingHttp, HasNoHeadAndNoOptions) {
  RawConnection connection(app_.port());
  connection.send("HEAD /v1/health HTTP/1.1\r\nHost: a\r\n\r\n");
  const Response head = connection.read_response(true);
  EXPECT_EQ(head.status, 405);
  EXPECT_EQ(*head.header("Allow"), "GET");
  EXPECT_TRUE(head.body.empty());
  connection.send("GET /v1/health HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(connection.read_response().status, 200) << "the connection goes on after a HEAD";
  const Response options = client_.request("OPTIONS", "/v1/run");
  EXPECT_EQ(options.status, 405);
  EXPECT_EQ(*options.header("Allow"), "POST");
}

TEST_F(RoutingHttp, SendsASlashTooManyBack) {
  const Response answer = client_.get("/v1/corpora/?a=1&b=%20");
  EXPECT_EQ(answer.status, 307);
  EXPECT_THAT(*answer.header("Location"), StartsWith("http://"));
  EXPECT_TRUE(answer.header("Location")->ends_with("/v1/corpora?a=1&b=%20")) << *answer.header("Location");
  EXPECT_TRUE(answer.body.empty());
  EXPECT_EQ(client_.get("/v1/nope/").status, 404);
  EXPECT_EQ(client_.get("/v1/corpora//").status, 307);
}

TEST_F(RoutingHttp, NeverRedirectsToAForeignHost) {
  const Response answer = client_.get("//evil.example/");
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.header("Location"), nullptr);
}

TEST_F(RoutingHttp, ServesDocumentationWithoutForeignHosts) {
  const Response page = client_.get("/v1/docs");
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(*page.header("Content-Type"), StartsWith("text/html"));
  EXPECT_THAT(page.body, HasSubstr("NexusRAG API v1"));
  EXPECT_THAT(page.body, HasSubstr("/v1/openapi.json"));
  EXPECT_THAT(page.body, Not(HasSubstr("https://")));
  const Response docs = client_.get("/docs");
  EXPECT_EQ(docs.status, 307);
  EXPECT_EQ(*docs.header("Location"), "/v1/docs");
  EXPECT_EQ(docs.header("Deprecation"), nullptr);
  const Response openapi = client_.get("/openapi.json");
  EXPECT_EQ(openapi.status, 307);
  EXPECT_EQ(*openapi.header("Location"), "/v1/openapi.json");
}

TEST_F(RoutingHttp, DescribesItself) {
  const boost::json::value document = client_.get("/v1/openapi.json").json();
  EXPECT_EQ(document.at("openapi"), "3.1.0");
  EXPECT_EQ(document.at("info").at("title"), "NexusRAG API");
  EXPECT_EQ(document.at("info").at("version"), "v1");
  EXPECT_EQ(document.at("servers").at(0).at("url"), "/");
  EXPECT_EQ(document.at("components").at("securitySchemes").at("BearerAuth").at("scheme"), "bearer");
  EXPECT_FALSE(document.at("paths").at("/v1/health").at("get").as_object().contains("security"));
  EXPECT_TRUE(document.at("paths").at("/v1/run").at("post").as_object().contains("security"));
  EXPECT_FALSE(document.at("paths").as_object().contains("/v1/metrics"));
  for (const char* status : {"400", "401", "402", "403", "404", "409", "422", "429", "500", "503"})
    EXPECT_TRUE(document.at("paths").at("/v1/run").at("post").at("responses").as_object().contains(status));
}

TEST_F(RoutingHttp, TellsItsHealthInEveryForm) {
  EXPECT_EQ(data_of(client_.get("/v1/health")), (boost::json::value{{"status", "ok"}}));
  EXPECT_EQ(client_.get("/health").body, R"({"status":"ok"})");
  const boost::json::value healthz = client_.get("/v1/healthz").json();
  EXPECT_EQ(healthz.at("status"), "ok");
  EXPECT_TRUE(text_of(healthz.at("ts")).ends_with("+00:00"));
  EXPECT_EQ(client_.get("/livez").status, 200);
  const Response ready = client_.get("/readyz");
  EXPECT_EQ(ready.status, 200) << ready.body;
  EXPECT_EQ(ready.json().at("checks").at("database"), "ok");
  EXPECT_EQ(client_.get("/livez").header("Deprecation"), nullptr);
  EXPECT_EQ(client_.get("/v1/livez").status, 404);
}

TEST_F(RoutingHttp, ExposesMetricsForPrometheus) {
  (void)client_.get("/v1/health");
  const Response metrics = client_.get("/v1/metrics");
  EXPECT_EQ(metrics.status, 200);
  EXPECT_EQ(*metrics.header("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(metrics.body, HasSubstr("# TYPE nexusrag_requests_total counter"));
  EXPECT_THAT(metrics.body, HasSubstr("nexusrag_request_latency_ms_bucket{"));
  EXPECT_THAT(metrics.body, HasSubstr("le=\"+Inf\""));
  EXPECT_EQ(client_.get("/metrics").status, 200);
  TestApp guarded(Changes{{"METRICS_TOKEN", "scrape-me-0123456789"}});
  TestClient stranger = guarded.anonymous();
  EXPECT_EQ(stranger.get("/v1/metrics").status, 401);
  EXPECT_EQ(stranger.get("/v1/metrics", {{"Authorization", "Bearer scrape-me-0123456789"}}).status, 200);
}

TEST_F(RoutingHttp, KeepsARequestIdThatIsWellFormed) {
  const Response given = client_.get("/v1/health", {{"X-Request-Id", "my-id_1.x"}});
  EXPECT_EQ(*given.header("X-Request-Id"), "my-id_1.x");
  EXPECT_EQ(given.json().at("meta").at("request_id"), "my-id_1.x");
  const Response longest = client_.get("/v1/health", {{"X-Request-Id", std::string(128, 'a')}});
  EXPECT_EQ(longest.header("X-Request-Id")->size(), 128U);
}

TEST_F(RoutingHttp, ReplacesARequestIdThatIsNot) {
  for (const std::string& id : {std::string(129, 'a'), std::string("a b"), std::string("a\"b"), std::string("\xC3\xA4"),
                                std::string("<script>"), std::string()}) {
    const Response answer = client_.get("/v1/health", {{"X-Request-Id", id}});
    EXPECT_EQ(answer.status, 200) << id;
    EXPECT_EQ(answer.header("X-Request-Id")->size(), 36U) << id;
    EXPECT_EQ(*answer.header("X-Request-Id"), text_of(answer.json().at("meta").at("request_id")));
  }
  const Response first = client_.get("/v1/health");
  const Response second = client_.get("/v1/health");
  EXPECT_NE(*first.header("X-Request-Id"), *second.header("X-Request-Id"));
}

TEST_F(RoutingHttp, SendsTheRequestIdWithEveryRefusal) {
  TestClient admin = app_.client();
  for (const Response& answer :
       {client_.get("/v1/nope"), client_.get("/v1/corpora"), client_.request("PUT", "/v1/corpora"),
        admin.post("/v1/run", "{"), admin.get("/v1/documents/nope"), client_.get("/v1/corpora/")}) {
    ASSERT_NE(answer.header("X-Request-Id"), nullptr) << answer.body;
    if (answer.status == 307) continue;
    EXPECT_EQ(*answer.header("X-Request-Id"), text_of(answer.json().at("meta").at("request_id")));
  }
}

TEST_F(RoutingHttp, AnswersPipelinedRequestsInOrder) {
  RawConnection connection(app_.port());
  std::string all;
  for (int i = 0; i < 20; ++i)
    all += "GET /v1/health HTTP/1.1\r\nHost: a\r\nX-Request-Id: r" + std::to_string(i) + "\r\n\r\n";
  connection.send(all);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(*connection.read_response().header("X-Request-Id"), "r" + std::to_string(i));
}

}  // namespace
}  // namespace nexus::testing
