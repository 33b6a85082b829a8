#include "http/request_parser.h"

#include <gtest/gtest.h>

namespace nexus::http {
namespace {

struct Parsed {
  Request request;
  RequestParser::Problem problem = RequestParser::Problem::kNone;
  std::string rest;
  bool done = false;
  bool keep_alive = false;
};

/// Feeds the text in pieces of `step` bytes, as a connection does: what was not used comes again.
Parsed parse(std::string_view text, std::size_t step, std::size_t max_head = 4096) {
  Parsed parsed;
  RequestParser parser;
  parser.start(parsed.request, max_head);
  parser.body_into(&parsed.request.body);
  std::string pending;
  while (!text.empty() && !parser.done() && parser.problem() == RequestParser::Problem::kNone) {
    pending += text.substr(0, step);
    text.remove_prefix(std::min(step, text.size()));
    std::size_t used = 0;
    do {
      used = parser.feed(pending);
      pending.erase(0, used);
    } while (used > 0 && !pending.empty());
  }
  parsed.problem = parser.problem();
  parsed.rest = pending + std::string(text);
  parsed.done = parser.done();
  parsed.keep_alive = parser.keep_alive();
  return parsed;
}

void expect_malformed(std::string_view text) {
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, text.size()})
    EXPECT_EQ(parse(text, step).problem, RequestParser::Problem::kMalformed) << text << " in steps of " << step;
}

TEST(RequestParsing, ReadsAHeadInPiecesOfAnySize) {
  constexpr std::string_view kText =
      "GET /v1/documents/a%20b?limit=10&q=x+y%26z&flag HTTP/1.1\r\nHost: api\r\nX-A:  b \r\n\r\nGET";
  for (const std::size_t step : {1U, 2U, 3U, 5U, 200U}) {
    const Parsed parsed = parse(kText, step);
    ASSERT_TRUE(parsed.done) << step;
    EXPECT_EQ(parsed.request.verb, Verb::kGet);
    EXPECT_EQ(parsed.request.path, "/v1/documents/a%20b");
    EXPECT_EQ(parsed.request.query, (Pairs{{"limit", "10"}, {"q", "x y&z"}, {"flag", ""}}));
    EXPECT_EQ(parsed.request.headers, (Pairs{{"Host", "api"}, {"X-A", "b"}}));
    EXPECT_EQ(parsed.rest, "GET");
    EXPECT_TRUE(parsed.keep_alive);
  }
}

TEST(RequestParsing, ReadsABodyByLengthAndLeavesTheNextRequest) {
  for (const std::size_t step : {1U, 4U, 200U}) {
    const Parsed parsed = parse("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET", step);
    ASSERT_TRUE(parsed.done);
    EXPECT_EQ(parsed.request.body, "hello");
    EXPECT_EQ(parsed.rest, "GET");
  }
}

TEST(RequestParsing, ReadsChunksWithExtensionsAndTrailers) {
  constexpr std::string_view kText =
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5;name=value\r\nhello\r\n6\r\n world\r\n0\r\nX-Trailer: t\r\n\r\nGET";
  for (const std::size_t step : {1U, 2U, 3U, 7U, 200U}) {
    const Parsed parsed = parse(kText, step);
    ASSERT_TRUE(parsed.done) << step;
    EXPECT_EQ(parsed.request.body, "hello world");
    EXPECT_EQ(parsed.rest, "GET");
    EXPECT_EQ(parsed.request.header("x-trailer"), nullptr);
  }
}

TEST(RequestParsing, ReadsAnEmptyChunkedBodyHoweverItArrives) {
  constexpr std::string_view kText = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET";
  for (std::size_t step = 1; step <= kText.size(); ++step) {
    const Parsed parsed = parse(kText, step);
    ASSERT_TRUE(parsed.done) << step;
    EXPECT_EQ(parsed.request.body, "");
    EXPECT_EQ(parsed.rest, "GET");
  }
}

TEST(RequestParsing, ReadsAbsoluteFormTargets) {
  const Parsed parsed = parse("GET http://real.example/v1/x?a=1 HTTP/1.1\r\nHost: other\r\n\r\n", 200);
  ASSERT_TRUE(parsed.done);
  EXPECT_EQ(parsed.request.path, "/v1/x");
  EXPECT_EQ(*parsed.request.header("host"), "real.example");
  EXPECT_EQ(parse("GET http://real.example HTTP/1.1\r\nHost: o\r\n\r\n", 200).request.path, "/");
}

TEST(RequestParsing, TakesHttp10WithoutHost) {
  const Parsed parsed = parse("GET / HTTP/1.0\r\n\r\n", 200);
  ASSERT_TRUE(parsed.done);
  EXPECT_FALSE(parsed.keep_alive);
  EXPECT_TRUE(parse("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200).keep_alive);
}

TEST(RequestParsing, RefusesAmbiguousLengths) {
  expect_malformed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n");
  expect_malformed("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n");
  expect_malformed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n");
  expect_malformed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n");
  expect_malformed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n");
  expect_malformed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\n");
  expect_malformed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n");
}

TEST(RequestParsing, RefusesCodingsOtherThanChunked) {
  expect_malformed("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n");
  expect_malformed("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n");
  expect_malformed("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n");
  expect_malformed("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n");
  expect_malformed("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n");
  expect_malformed("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n");
}

TEST(RequestParsing, RefusesTornSyntax) {
  expect_malformed("GET\r\n\r\n");
  expect_malformed("GET / HTTP/2.0\r\nHost: a\r\n\r\n");
  expect_malformed("GET / HTTP/1.1\r\nHost a\r\n\r\n");
  expect_malformed("GET / HTTP/1.1\r\nHost : a\r\n\r\n");
  expect_malformed("GET / HTTP/1.1\r\n\r\n");
  expect_malformed("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
  expect_malformed("GET nothing HTTP/1.1\r\nHost: a\r\n\r\n");
  expect_malformed("GET ftp://a/b HTTP/1.1\r\nHost: a\r\n\r\n");
  expect_malformed("GET / HTTP/1.1\nHost: a\n\n");
  expect_malformed(std::string_view("GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", 29));
  expect_malformed("\x16\x03\x01\x02 hello TLS\r\n\r\n");
}

TEST(RequestParsing, RefusesTornChunks) {
  constexpr std::string_view kHead = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const auto* body : {"x\r\n", "5\r\nhelloXX\r\n", "-1\r\n", "FFFFFFFFFFFFFFFFFF\r\n"})
    expect_malformed(std::string(kHead) + body);
  EXPECT_EQ(parse(std::string(kHead) + "1;" + std::string(40'000, 'a'), 4096).problem,
            RequestParser::Problem::kMalformed);
}

TEST(RequestParsing, BoundsTheHeadHoweverItArrives) {
  std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 100; ++i) many += "X-" + std::to_string(i) + ": " + std::string(50, 'v') + "\r\n";
  const std::string longest = "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(8000, 'v') + "\r\n\r\n";
  const std::string target = "GET /" + std::string(8000, 'p') + " HTTP/1.1\r\nHost: a\r\n\r\n";
  for (const std::string& text : {many + "\r\n", longest, target})
    for (const std::size_t step : {std::size_t{1}, std::size_t{61}, text.size()})
      EXPECT_EQ(parse(text, step).problem, RequestParser::Problem::kHeadTooLarge) << step;
}

TEST(RequestParsing, BoundsTheNumberOfFields) {
  std::string text = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 300; ++i) text += "A: b\r\n";
  EXPECT_EQ(parse(text + "\r\n", 64, 100'000).problem, RequestParser::Problem::kHeadTooLarge);
}

}  // namespace
}  // namespace nexus::http
