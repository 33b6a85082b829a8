#include "http/server.h"

#include "http/server_fixture.h"

#include <atomic>
#include <fstream>
#include <future>
#include <system_error>
#include <thread>

namespace nexus::http {
namespace {

using testing::Multipart;
using testing::RawConnection;
using testing::Response;
using testing::TestClient;

class ServerAnswers : public ServerTest {};

TEST_F(ServerAnswers, RepliesInlineAndFromALane) {
  start();
  TestClient http = client();
  const Response ping = http.get("/v1/ping");
  EXPECT_EQ(ping.status, 200);
  EXPECT_EQ(ping.body, "pong");
  EXPECT_EQ(*ping.header("content-type"), "text/plain");
  ASSERT_NE(ping.header("date"), nullptr);
  EXPECT_TRUE(ping.header("date")->ends_with(" GMT"));
  EXPECT_EQ(http.get("/v1/work").body, "done");
  EXPECT_EQ(http.get("/items/a%20b").body, "a b");
}

TEST_F(ServerAnswers, UsesAGoodRequestIdAndReplacesABadOne) {
  start();
  TestClient http = client();
  EXPECT_EQ(*http.get("/v1/ping", {{"X-Request-Id", "Ab.9_-"}}).header("x-request-id"), "Ab.9_-");
  for (const std::string& bad : {std::string("a b"), std::string("a/b"), std::string(129, 'a')})
    EXPECT_EQ(http.get("/v1/ping", {{"X-Request-Id", bad}}).header("x-request-id")->size(), 36U) << bad;
  EXPECT_EQ(http.get("/v1/ping").header("x-request-id")->size(), 36U);
}

TEST_F(ServerAnswers, RefusesUnknownPathsAndMethods) {
  start();
  TestClient http = client();
  const Response unknown = http.get("/v1/nothing");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.body, "NOT_FOUND: Not Found");
  const Response method = http.del("/v1/ping");
  EXPECT_EQ(method.status, 405);
  EXPECT_EQ(*method.header("allow"), "GET, HEAD");
  EXPECT_EQ(method.body, "UNKNOWN_ERROR: Method Not Allowed");
  EXPECT_EQ(http.request("BREW", "/v1/ping").status, 405);
}

TEST_F(ServerAnswers, RedirectsTrailingSlashesAbsolutely) {
  start();
  TestClient http = client();
  const Response moved = http.get("/v1/ping/?a=b", {{"Host", "rag.example"}});
  EXPECT_EQ(moved.status, 307);
  EXPECT_EQ(*moved.header("location"), "http://rag.example/v1/ping?a=b");
}

TEST_F(ServerAnswers, BelievesOnlyTrustedProxies) {
  dispatcher.handlers["work"] = [](Exchange& exchange) {
    exchange.reply.body = exchange.request.client_ip + (exchange.request.https ? " https" : " http");
  };
  const testing::Pairs headers{{"X-Forwarded-For", "1.2.3.4"}, {"X-Forwarded-Proto", "https"}};
  start();
  EXPECT_EQ(client().get("/v1/work", headers).body, "127.0.0.1 http");
  server.reset();
  options.trusted_proxies = {"127.0.0.0/8"};
  start();
  EXPECT_EQ(client().get("/v1/work", headers).body, "1.2.3.4 https");
  EXPECT_EQ(*client().get("/v1/work/", headers).header("location"), "https://" + server->address() + "/v1/work");
}

TEST_F(ServerAnswers, OmitsBodiesOfHeadAndNoContent) {
  dispatcher.handlers["work"] = [](Exchange& exchange) {
    exchange.reply.status = 204;
    exchange.reply.body = "never sent";
  };
  start();
  RawConnection connection = raw();
  connection.send("HEAD /v1/ping HTTP/1.1\r\nHost: a\r\n\r\n");
  const Response head = connection.read_response(true);
  EXPECT_EQ(*head.header("content-length"), "4");
  connection.send("HEAD /v1/nothing HTTP/1.1\r\nHost: a\r\n\r\nGET /v1/work HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(connection.read_response(true).status, 404);
  const Response none = connection.read_response();
  EXPECT_EQ(none.status, 204);
  EXPECT_EQ(none.header("content-length"), nullptr);
  EXPECT_EQ(none.header("content-type"), nullptr);
}

TEST_F(ServerAnswers, KeepsHeaderValuesInTheirLine) {
  dispatcher.handlers["work"] = [](Exchange& exchange) {
    exchange.reply.headers.emplace_back("X-Quote", "a\r\nSet-Cookie: evil\n");
  };
  start();
  const Response response = client().get("/v1/work");
  EXPECT_EQ(response.header("set-cookie"), nullptr);
  EXPECT_EQ(*response.header("x-quote"), "a  Set-Cookie: evil");
}

TEST_F(ServerAnswers, SendsLargeBodiesToSlowReaders) {
  dispatcher.handlers["work"] = [](Exchange& exchange) { exchange.reply.body = std::string(8'000'000, 'x'); };
  start();
  RawConnection connection = raw();
  connection.send("GET /v1/work HTTP/1.1\r\nHost: a\r\n\r\nGET /v1/ping HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(connection.read_response().body.size(), 8'000'000U);
  EXPECT_EQ(connection.read_response().body, "pong");
  EXPECT_GT(dispatcher.wait_finished(1).at(0).bytes_out, 8'000'000U);
}

TEST_F(ServerAnswers, SendsFiles) {
  const auto path = directory / "answer.bin";
  const std::string bytes(700'001, 'f');
  std::ofstream(path) << bytes;
  dispatcher.handlers["file"] = [&](Exchange& exchange) {
    exchange.reply.content_type = "application/octet-stream";
    exchange.reply.file = path;
  };
  start();
  TestClient http = client();
  const Response response = http.get("/v1/file");
  EXPECT_EQ(*response.header("content-length"), "700001");
  EXPECT_EQ(response.body, bytes);
  std::filesystem::remove(path);
  EXPECT_EQ(http.get("/v1/file").status, 404);
  EXPECT_EQ(http.get("/v1/ping").status, 200);
}

TEST_F(ServerAnswers, RefusesWhenTheLaneIsFull) {
  lane_threads = 1;
  lane_capacity = 1;
  Gate gate;
  std::promise<void> running;
  std::atomic<bool> first{true};
  dispatcher.handlers["work"] = [&](Exchange&) {
    if (first.exchange(false)) running.set_value();
    gate.wait();
  };
  start();
  std::vector<RawConnection> waiting;
  waiting.push_back(raw());
  waiting.back().send("GET /v1/work HTTP/1.1\r\nHost: a\r\n\r\n");
  running.get_future().wait();
  // One more fits into the queue; the others are refused, whichever comes first.
  int refused = 0;
  std::vector<RawConnection> others;
  for (int i = 0; i < 4; ++i) {
    others.push_back(raw());
    others.back().send("GET /v1/work HTTP/1.1\r\nHost: a\r\n\r\n");
  }
  const auto finished = dispatcher.wait_finished(3);
  EXPECT_EQ(client().get("/v1/ping").status, 200);
  gate.open();
  for (auto& connection : others) {
    const Response response = connection.read_response();
    if (response.status != 503) continue;
    ++refused;
    EXPECT_EQ(*response.header("retry-after"), "1");
    EXPECT_TRUE(response.body.starts_with("SERVICE_BUSY"));
  }
  EXPECT_EQ(refused, 3);
  EXPECT_EQ(waiting.back().read_response().status, 200);
}

class ServerBodies : public ServerTest {};

TEST_F(ServerBodies, ReadsSmallLargeAndChunkedBodies) {
  start();
  TestClient http = client();
  http.bearer("k");
  EXPECT_EQ(http.post("/v1/echo", "{\"a\":1}").body, "{\"a\":1}");
  EXPECT_EQ(http.post("/v1/echo", "").body, "");
  const std::string large(300'000, 'y');
  EXPECT_EQ(http.post("/v1/echo", large).body, large);
  EXPECT_EQ(
      http.request("POST", "/v1/echo", {{"Transfer-Encoding", "chunked"}}, "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").body,
      "abcde");
  EXPECT_EQ(client().post("/v1/open", "x").body, "x");
}

TEST_F(ServerBodies, ReadsChunksThatArriveByteByByte) {
  start();
  RawConnection connection = raw();
  const std::string request =
      "POST /v1/echo HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer k\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n0\r\n\r\n";
  for (const char c : request) connection.send(std::string_view(&c, 1));
  EXPECT_EQ(connection.read_response().body, "abc");
}

TEST_F(ServerBodies, RefusesAStrangerWithoutReadingTheBody) {
  start();
  RawConnection connection = raw();
  connection.send("POST /v1/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n");
  const Response response = connection.read_response();
  EXPECT_EQ(response.status, 401);
  EXPECT_EQ(*response.header("connection"), "close");
  static_cast<void>(connection.try_send(std::string(100'000, 'x')));  // still on its way: must not reset the answer
  EXPECT_TRUE(connection.at_end());
}

TEST_F(ServerBodies, LetsTheClientReadARefusalWhileItStillUploads) {
  options.max_body_bytes = 1000;
  start();
  TestClient http = client();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(http.post("/v1/open", std::string(2'000'000, 'x')).status, 413);
}

TEST_F(ServerBodies, KeepsTheConnectionWhenTheRefusedBodyWasSmallAndThere) {
  start();
  RawConnection connection = raw();
  connection.send(
      "POST /v1/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /v1/ping HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(connection.read_response().status, 401);
  EXPECT_EQ(connection.read_response().body, "pong");
}

TEST_F(ServerBodies, BoundsBodiesByLengthAndByChunks) {
  options.max_body_bytes = 100;
  start();
  TestClient http = client();
  http.bearer("k");
  EXPECT_EQ(http.post("/v1/echo", std::string(100, 'x')).status, 200);
  EXPECT_EQ(http.post("/v1/echo", std::string(101, 'x')).status, 413);
  std::string chunks;
  for (int i = 0; i < 30; ++i) chunks += "5\r\nabcde\r\n";
  EXPECT_EQ(http.request("POST", "/v1/echo", {{"Transfer-Encoding", "chunked"}}, chunks + "0\r\n\r\n").status, 413);
}

TEST_F(ServerBodies, AsksForTheBodyOnlyAfterAdmission) {
  start();
  RawConnection connection = raw();
  connection.send(
      "POST /v1/echo HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer k\r\nContent-Length: 3\r\n"
      "Expect: 100-continue\r\n\r\n");
  EXPECT_EQ(connection.read_response().status, 100);
  connection.send("abc");
  EXPECT_EQ(connection.read_response().body, "abc");
  connection.send("POST /v1/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(connection.read_response().status, 401);
}

TEST_F(ServerBodies, AdmitsLargeBodiesBeforeReadingThem) {
  std::atomic<int> admitted{0};
  dispatcher.on_admit = [&](Exchange& exchange) { admitted += exchange.request.body.empty() ? 1 : 0; };
  options.early_body_bytes = 10;
  start();
  TestClient http = client();
  http.bearer("k");
  EXPECT_EQ(http.post("/v1/echo", std::string(11, 'x')).status, 200);
  EXPECT_EQ(admitted, 1);
  EXPECT_EQ(http.post("/v1/echo", std::string(10, 'x')).status, 200);
  EXPECT_EQ(admitted, 1);
}

TEST_F(ServerBodies, SpoolsUploadsAndRemovesWhatIsLeft) {
  std::filesystem::path seen;
  std::promise<void> taken;
  dispatcher.handlers["upload"] = [&](Exchange& exchange) {
    const Request& request = exchange.request;
    const UploadedFile& file = request.files.at(0);
    seen = file.path;
    exchange.reply.body = request.form.at(0).second + " " + file.filename + " " + std::to_string(file.size) + " " +
                          file.sha256.substr(0, 8) + (std::filesystem::exists(file.path) ? " there" : " missing");
    std::filesystem::rename(request.files.at(1).path, directory / "taken");
  };
  start();
  TestClient http = client();
  http.bearer("k");
  Multipart form;
  form.field("corpus_id", "c1").file("file", "a.txt", "text/plain", std::string(1'000'000, 'a'));
  form.file("file", "b.txt", "text/plain", "bb");
  const Response response = http.upload("/v1/upload", form);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "c1 a.txt 1000000 cdc76e5c there");
  EXPECT_EQ(std::filesystem::file_size(directory / "taken"), 2U);
  server.reset();
  EXPECT_EQ(spooled(), 0U);
}

TEST_F(ServerBodies, RefusesMalformedUploads) {
  dispatcher.handlers["upload"] = [](Exchange&) { ADD_FAILURE() << "ran"; };
  start();
  TestClient http = client();
  http.bearer("k");
  const auto upload = [&](const std::string& type, const std::string& body) {
    return http.request("POST", "/v1/upload", {{"Content-Type", type}}, body);
  };
  const Response torn = upload("multipart/form-data; boundary=b",
                               "--b\r\nContent-Disposition: form-data; name=\"f\"; "
                               "filename=\"x\"\r\n\r\nabc");
  EXPECT_EQ(torn.status, 400);
  EXPECT_TRUE(torn.body.starts_with("BAD_REQUEST: Malformed multipart body"));
  EXPECT_EQ(upload("multipart/form-data", "x").body, "BAD_REQUEST: Missing boundary in multipart.");
  EXPECT_EQ(upload("multipart/form-data; boundary=b", std::string(700'000, 'x')).status, 400);
  EXPECT_EQ(http.get("/v1/ping").status, 200);
  server.reset();
  EXPECT_EQ(spooled(), 0U);
}

TEST_F(ServerBodies, BoundsUploadsAndRefusesStrangersWithoutSpooling) {
  options.max_upload_bytes = 500'000;
  dispatcher.handlers["upload"] = [](Exchange&) { ADD_FAILURE() << "ran"; };
  start();
  Multipart form;
  form.file("file", "a", "text/plain", std::string(600'000, 'a'));
  TestClient http = client();
  EXPECT_EQ(http.upload("/v1/upload", form).status, 401);
  http.bearer("k");
  EXPECT_EQ(http.upload("/v1/upload", form).status, 413);
  std::string chunks;
  for (int i = 0; i < 7; ++i) chunks += "186a0\r\n" + form.body().substr(0, 100'000) + "\r\n";
  EXPECT_EQ(http.request("POST", "/v1/upload",
                         {{"Content-Type", form.content_type()}, {"Transfer-Encoding", "chunked"}}, chunks)
                .status,
            413);
  server.reset();
  EXPECT_EQ(spooled(), 0U);
}

TEST_F(ServerBodies, RemovesTheSpoolOfAClientThatVanishes) {
  start();
  RawConnection connection = raw();
  connection.send(
      "POST /v1/upload HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer k\r\nContent-Length: 900000\r\n"
      "Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\nContent-Disposition: form-data; name=\"f\"; "
      "filename=\"x\"\r\n\r\n" +
      std::string(400'000, 'x'));
  connection.reset();
  const auto finished = dispatcher.wait_finished(1);
  EXPECT_TRUE(finished[0].client_gone);
  EXPECT_FALSE(finished[0].answered);
  server.reset();
  EXPECT_EQ(spooled(), 0U);
}

class ServerLife : public ServerTest {};

TEST_F(ServerLife, ServesManyClientsAtOnceOnSeveralThreads) {
  options.io_threads = 3;
  start();
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      TestClient http = client();
      http.bearer("k");
      for (int i = 0; i < 60; ++i) {
        const std::string text = std::to_string(t) + "-" + std::to_string(i);
        good += http.post("/v1/echo", text).body == text ? 1 : 0;
        good += http.get("/v1/items/" + text).body == text ? 1 : 0;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 8 * 60 * 2);
  EXPECT_EQ(dispatcher.wait_finished(8 * 60 * 2).size(), 8U * 60 * 2);
}

TEST_F(ServerLife, RefusesASecondServerOnThePort) {
  start();
  ServerOptions second = options;
  second.port = port();
  Server other(second, *router, dispatcher, Lanes{lane.get(), lane.get(), lane.get()}, clock, metrics);
  EXPECT_THROW(other.start(), std::system_error);
  second.host = "not an address";
  Server third(second, *router, dispatcher, Lanes{lane.get(), lane.get(), lane.get()}, clock, metrics);
  EXPECT_THROW(third.start(), std::system_error);
}

TEST_F(ServerLife, RefusesATableWhoseLaneIsMissing) {
  start();
  EXPECT_THROW(Server(options, *router, dispatcher, Lanes{}, clock, metrics), std::logic_error);
}

TEST_F(ServerLife, FinishesRequestsInFlightAndClosesIdleConnections) {
  Gate gate;
  std::promise<void> running;
  dispatcher.handlers["work"] = [&](Exchange& exchange) {
    running.set_value();
    gate.wait();
    exchange.reply.body = "finished";
  };
  start();
  RawConnection idle = raw();
  idle.send("GET /v1/ping HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(idle.read_response().status, 200);
  RawConnection busy = raw();
  busy.send("GET /v1/work HTTP/1.1\r\nHost: a\r\n\r\n");
  running.get_future().wait();
  auto down = std::async(std::launch::async, [&] { return server->shutdown(std::chrono::seconds(20)); });
  EXPECT_TRUE(idle.at_end());
  gate.open();
  const Response last = busy.read_response();
  EXPECT_EQ(last.body, "finished");
  EXPECT_EQ(*last.header("connection"), "close");
  EXPECT_TRUE(down.get());
  EXPECT_EQ(server->open_connections(), 0U);
  EXPECT_THROW(RawConnection{port()}, std::system_error);
}

TEST_F(ServerLife, SaysWhenTheGraceWasTooShort) {
  Gate gate;
  std::promise<void> running;
  dispatcher.handlers["work"] = [&](Exchange&) {
    running.set_value();
    gate.wait();
  };
  start();
  RawConnection busy = raw();
  busy.send("GET /v1/work HTTP/1.1\r\nHost: a\r\n\r\n");
  running.get_future().wait();
  EXPECT_FALSE(server->shutdown(std::chrono::milliseconds(1)));
  gate.open();
  server.reset();
  EXPECT_TRUE(busy.at_end());
}

TEST_F(ServerLife, StopsAcceptingButServesThoseItHas) {
  start();
  TestClient http = client();
  EXPECT_EQ(http.get("/v1/ping").status, 200);
  server->stop_accepting();
  EXPECT_EQ(http.get("/v1/ping").status, 200);
}

TEST_F(ServerLife, BoundsConnections) {
  options.max_connections = 1;
  start();
  TestClient http = client();
  EXPECT_EQ(http.get("/v1/ping").status, 200);
  RawConnection second = raw();
  const Response refused = second.read_response();
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(*refused.header("retry-after"), "1");
  EXPECT_EQ(http.get("/v1/ping").status, 200);
}

}  // namespace
}  // namespace nexus::http
