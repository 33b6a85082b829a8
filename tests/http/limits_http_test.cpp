// Every bound of a request and what a client is told when it is reached.
#include "http/contract_kit.h"

#include <gmock/gmock.h>

namespace nexus::testing {
namespace {

using ::testing::HasSubstr;

TEST(LimitsHttp, RefusesABodyThatIsTooLarge) {
  TestApp app(Changes{{"HTTP_MAX_BODY_BYTES", "2048"}});
  TestClient client = app.client();
  const Response answer = add_text(client, "c1", std::string(4000, 'x'));
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(code_of(answer), "UNKNOWN_ERROR");
  EXPECT_EQ(message_of(answer), "Payload Too Large");
  EXPECT_NE(answer.header("X-Request-Id"), nullptr);
  EXPECT_EQ(client.get("/v1/corpora").status, 200) << "the client goes on";
}

TEST(LimitsHttp, RefusesAChunkedBodyThatGrowsTooLarge) {
  TestApp app(Changes{{"HTTP_MAX_BODY_BYTES", "2048"}});
  RawConnection connection(app.port());
  connection.send("POST /v1/search HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + app.make_key() +
                  "\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string piece = "400\r\n" + std::string(0x400, ' ') + "\r\n";
  for (int i = 0; i < 8; ++i) connection.try_send(piece);
  EXPECT_EQ(connection.read_response().status, 413);
}

TEST(LimitsHttp, RefusesAnUploadThatIsTooLarge) {
  TestApp app(Changes{{"HTTP_MAX_UPLOAD_BYTES", "4096"}});
  app.make_corpus("c1");
  TestClient client = app.client();
  EXPECT_EQ(upload_file(client, "c1", {"a.txt", "text/plain", std::string(8000, 'x')}).status, 413);
  EXPECT_EQ(upload_file(client, "c1", {"a.txt", "text/plain", std::string(2000, 'x')}).status, 202);
}

TEST(LimitsHttp, ReadsNoUploadOfAStranger) {
  TestApp app;
  RawConnection connection(app.port());
  connection.send(
      "POST /v1/documents HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=x\r\n"
      "Content-Length: 100000000\r\n\r\n--x\r\n");
  EXPECT_EQ(connection.read_response().status, 401) << "answered before the body has come";
}

TEST(LimitsHttp, ReadsNoLargeBodyOfAStranger) {
  TestApp app;
  RawConnection connection(app.port());
  connection.send(
      "POST /v1/run HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 5000000\r\n\r\n");
  EXPECT_EQ(connection.read_response().status, 401);
}

TEST(LimitsHttp, RefusesAHeadThatIsTooLarge) {
  TestApp app(Changes{{"HTTP_MAX_HEADER_BYTES", "1024"}});
  TestClient client = app.anonymous();
  const Response answer = client.get("/v1/health", {{"X-Large", std::string(2000, 'x')}});
  EXPECT_EQ(answer.status, 431);
  EXPECT_EQ(code_of(answer), "UNKNOWN_ERROR");
  EXPECT_NE(answer.header("X-Request-Id"), nullptr);
  EXPECT_EQ(answer.header("Deprecation"), nullptr) << "nobody knows whether the path is an old one";
  const Response target = client.get("/v1/health?q=" + std::string(2000, 'x'));
  EXPECT_TRUE(target.status == 431 || target.status == 414) << target.status;
  EXPECT_EQ(client.get("/v1/health").status, 200);
}

TEST(LimitsHttp, RefusesAQuestionThatIsTooLong) {
  TestApp app(Changes{{"RUN_MESSAGE_MAX_BYTES", "256"}});
  app.make_corpus("c1");
  TestClient client = app.client();
  const auto ask = [](std::size_t length, std::size_t session = 2) {
    return json::write(boost::json::object{
        {"session_id", std::string(session, 's')}, {"corpus_id", "c1"}, {"message", std::string(length, 'm')}});
  };
  const Response answer = client.post("/v1/run", ask(257));
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(code_of(answer), "INVALID_INPUT");
  EXPECT_THAT(message_of(answer), HasSubstr("message is longer than 256 bytes"));
  EXPECT_EQ(client.post("/v1/run", ask(256)).status, 200);
  const Response session = client.post("/v1/run", ask(5, 5000));
  EXPECT_EQ(session.status, 422);
  EXPECT_THAT(message_of(session), HasSubstr("session_id"));
  const Response query = client.post(
      "/v1/search", json::write(boost::json::object{{"corpus_id", "c1"}, {"query", std::string(257, 'q')}}));
  EXPECT_EQ(query.status, 422);
}

TEST(LimitsHttp, RefusesTextThatIsTooLong) {
  TestApp app(Changes{{"DOCUMENT_TEXT_MAX_BYTES", "1024"}});
  app.make_corpus("c1");
  TestClient client = app.client();
  const Response text = add_text(client, "c1", std::string(1025, 'x'));
  EXPECT_EQ(text.status, 422);
  EXPECT_EQ(code_of(text), "INGEST_VALIDATION_ERROR");
  EXPECT_EQ(upload_file(client, "c1", {"a.txt", "text/plain", std::string(1025, 'x')}).status, 422);
}

TEST(LimitsHttp, RefusesDeeplyNestedBodies) {
  TestApp app;
  TestClient client = app.client();
  std::string deep = R"({"corpus_id":"c1","text":"x","metadata_json":)";
  for (int i = 0; i < 40; ++i) deep += "{\"a\":";
  deep += "1" + std::string(41, '}');
  const Response answer = client.post("/v1/documents/text", deep);
  EXPECT_EQ(answer.status, 400) << answer.body;
  EXPECT_EQ(code_of(answer), "BAD_REQUEST");
}

TEST(LimitsHttp, RefusesAnIdempotencyKeyThatIsTooLong) {
  TestApp app;
  TestClient client = app.client();
  const Response answer = client.post("/v1/documents/text", R"({"corpus_id":"c1","text":"x"})",
                                      {{"Idempotency-Key", std::string(129, 'k')}});
  EXPECT_EQ(answer.status, 422);
  const boost::json::value problem = answer.json().at("error").at("details").at("errors").at(0);
  EXPECT_EQ(problem.at("type"), "string_too_long");
  EXPECT_EQ(json::write(problem.at("loc")), R"(["header","Idempotency-Key"])");
}

TEST(LimitsHttp, RefusesMalformedRequests) {
  TestApp app;
  for (const std::string& bytes :
       {std::string("GARBAGE\r\n\r\n"), std::string("GET /v1/health HTTP/1.1\r\n\r\n"),
        std::string("GET /v1/health HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
        std::string("POST /v1/search HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n"),
        std::string("GET /v1/health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")}) {
    RawConnection connection(app.port());
    connection.send(bytes);
    const Response answer = connection.read_response();
    EXPECT_EQ(answer.status, 400) << bytes;
    EXPECT_EQ(code_of(answer), "BAD_REQUEST") << bytes;
  }
  TestClient client = app.anonymous();
  EXPECT_EQ(client.get("/v1/health").status, 200);
}

}  // namespace
}  // namespace nexus::testing
