#include "http/server_fixture.h"

#include <string>

namespace nexus::http {
namespace {

using testing::RawConnection;
using testing::Response;

/// Bytes that no well-meaning client sends, and clients that take their time.
class ServerAbuse : public ServerTest {};

TEST_F(ServerAbuse, AnswersMalformedBytesOnceAndCloses) {
  start();
  for (const std::string& bytes :
       {std::string("nonsense\r\n\r\n"), std::string("GET / HTTP/9.9\r\n\r\n"), std::string("GET / HTTP/1.1\r\n\r\n"),
        std::string("\x16\x03\x01\x02\x00\x01\r\n\r\n", 10), std::string("GET / HTTP/1.1\nHost: a\n\n"),
        std::string(
            "POST /v1/open HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        std::string("POST /v1/open HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")}) {
    RawConnection connection = raw();
    connection.send(bytes + "GET /v1/ping HTTP/1.1\r\nHost: a\r\n\r\n");
    const Response response = connection.read_response();
    EXPECT_EQ(response.status, 400) << bytes;
    EXPECT_EQ(*response.header("connection"), "close");
    EXPECT_NE(response.header("x-request-id"), nullptr);
    EXPECT_TRUE(connection.at_end()) << bytes;
  }
}

TEST_F(ServerAbuse, ReportsEveryRefusalToTheDispatcher) {
  start();
  RawConnection connection = raw();
  connection.send("nonsense\r\n\r\n");
  EXPECT_EQ(connection.read_response().status, 400);
  const auto finished = dispatcher.wait_finished(1);
  EXPECT_EQ(finished[0].status, 400);
  EXPECT_FALSE(finished[0].request_id.empty());
}

TEST_F(ServerAbuse, BoundsTheHead) {
  options.max_header_bytes = 1024;
  start();
  RawConnection one_line = raw();
  one_line.send("GET /v1/ping HTTP/1.1\r\nHost: a\r\nX-Long: " + std::string(5000, 'x') + "\r\n\r\n");
  EXPECT_EQ(one_line.read_response().status, 431);
  RawConnection many = raw();
  many.send("GET /v1/ping HTTP/1.1\r\nHost: a\r\n");
  std::string lines;
  for (int i = 0; i < 100; ++i) lines += "X-Many: 0123456789\r\n";
  many.send(lines);
  EXPECT_EQ(many.read_response().status, 431);
  RawConnection target = raw();
  target.send("GET /" + std::string(5000, 'p') + " HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(target.read_response().status, 431);
}

TEST_F(ServerAbuse, ClosesHeadsThatTrickle) {
  options.header_timeout = std::chrono::milliseconds(100);
  start();
  RawConnection connection = raw();
  connection.send("GET /v1/ping HTTP/1.1\r\nHos");
  const Response response = connection.read_response();
  EXPECT_EQ(response.status, 408);
  EXPECT_EQ(*response.header("connection"), "close");
  EXPECT_TRUE(connection.at_end());
  RawConnection silent = raw();
  EXPECT_TRUE(silent.at_end());
}

TEST_F(ServerAbuse, ClosesBodiesThatStop) {
  options.body_timeout = std::chrono::milliseconds(100);
  start();
  RawConnection json = raw();
  json.send("POST /v1/open HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_EQ(json.read_response().status, 408);
  RawConnection upload = raw();
  upload.send(
      "POST /v1/upload HTTP/1.1\r\nHost: a\r\nAuthorization: k\r\nContent-Length: 1000\r\n"
      "Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n");
  EXPECT_EQ(upload.read_response().status, 408);
}

TEST_F(ServerAbuse, ClosesConnectionsThatIdle) {
  options.idle_timeout = std::chrono::milliseconds(100);
  start();
  RawConnection connection = raw();
  connection.send("GET /v1/ping HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(connection.read_response().status, 200);
  EXPECT_TRUE(connection.at_end());
}

TEST_F(ServerAbuse, GivesUpOnReadersThatStop) {
  options.write_timeout = std::chrono::milliseconds(100);
  dispatcher.handlers["work"] = [](Exchange& exchange) { exchange.reply.body = std::string(32'000'000, 'x'); };
  start();
  RawConnection connection = raw();
  connection.send("GET /v1/work HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(dispatcher.wait_finished(1)[0].client_gone);
}

TEST_F(ServerAbuse, AnswersPipelinedRequestsInOrder) {
  start();
  RawConnection connection = raw();
  std::string requests;
  for (int i = 0; i < 200; ++i) {
    requests += "GET /v1/items/" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n";
    requests += "POST /v1/open HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi\r\n";  // with a stray line break
    requests += "GET /v1/ping HTTP/1.1\r\nHost: a\r\n\r\n";
  }
  connection.send(requests);
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(connection.read_response().body, std::to_string(i));
    EXPECT_EQ(connection.read_response().body, "hi");
    EXPECT_EQ(connection.read_response().body, "pong");
  }
}

TEST_F(ServerAbuse, ServesAHalfClosedClient) {
  start();
  RawConnection connection = raw();
  connection.send("GET /v1/work HTTP/1.1\r\nHost: a\r\n\r\nGET /v1/ping HTTP/1.1\r\nHost: a\r\n\r\n");
  connection.half_close();
  EXPECT_EQ(connection.read_response().body, "done");
  EXPECT_EQ(connection.read_response().body, "pong");
  EXPECT_TRUE(connection.at_end());
}

TEST_F(ServerAbuse, ClosesAfterHttp10UnlessAskedOtherwise) {
  start();
  RawConnection once = raw();
  once.send("GET /v1/ping HTTP/1.0\r\n\r\n");
  EXPECT_EQ(*once.read_response().header("connection"), "close");
  EXPECT_TRUE(once.at_end());
  RawConnection kept = raw();
  for (int i = 0; i < 2; ++i) {
    kept.send("GET /v1/ping HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_EQ(*kept.read_response().header("connection"), "keep-alive");
  }
  kept.send("GET /v1/ping HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(*kept.read_response().header("connection"), "close");
  EXPECT_TRUE(kept.at_end());
}

TEST_F(ServerAbuse, SurvivesClientsThatVanishAtAnyByte) {
  start();
  const std::string request =
      "POST /v1/open HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
  for (std::size_t cut = 0; cut <= request.size(); ++cut) {
    RawConnection connection = raw();
    connection.send(std::string_view(request).substr(0, cut));
    if (cut % 2 == 0) {
      connection.reset();
    } else {
      connection.close();
    }
  }
  EXPECT_EQ(client().get("/v1/ping").status, 200);
}

}  // namespace
}  // namespace nexus::http
