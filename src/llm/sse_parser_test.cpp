#include "llm/sse_parser.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::llm {
namespace {

using Events = std::vector<std::string>;  // "type|data"

struct Reader {
  SseParser parser;
  Events events;
  bool feed(std::string_view bytes) {
    return parser.feed(bytes, [this](const SseEvent& event) {
      events.push_back(std::string(event.type) + "|" + std::string(event.data));
      return true;
    });
  }
};

Events read(std::string_view stream) {
  Reader reader;
  reader.feed(stream);
  return reader.events;
}

struct Case {
  std::string_view name;
  std::string_view stream;
  Events events;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"nothing", "", {}},
      {"line feeds", "data: a\n\ndata: b\n\n", {"|a", "|b"}},
      {"returns", "data: a\r\rdata: b\r\r", {"|a", "|b"}},
      {"both", "data: a\r\n\r\ndata: b\r\n\r\n", {"|a", "|b"}},
      {"mixed ends", "data: a\r\ndata: b\n\rdata: c\r\r\n", {"|a\nb", "|c"}},
      {"byte order mark once",
       "\xEF\xBB\xBF"
       "data: a\n\n\xEF\xBB\xBF"
       "data: b\n\n",
       {"|a"}},
      {"one space is dropped, not two", "data:a\n\ndata:  b\n\n", {"|a", "| b"}},
      {"several data lines", "data: YHOO\ndata: +2\ndata: 10\n\n", {"|YHOO\n+2\n10"}},
      {"a type holds for one event", "event: ping\ndata: {}\n\ndata: {}\n\n", {"ping|{}", "|{}"}},
      {"the last type counts", "event: a\nevent: b\ndata: x\n\n", {"b|x"}},
      {"a type without data is no event", "event: ping\n\ndata: x\n\n", {"|x"}},
      {"an empty data line is one", "data\n\ndata:\ndata:\n\n", {"|", "|\n"}},
      {"comments", ": hello\n:\ndata: x\n: between\n\n", {"|x"}},
      {"other fields", "id: 7\nretry: 10\nfoo: bar\nfoo\ndata: x\n\n", {"|x"}},
      {"colons in data", "data: a: b\n\n", {"|a: b"}},
      {"case matters", "Data: a\n\n", {}},
      {"cut off", "data: a\n\ndata: b\n", {"|a"}},
      {"no end of line", "data: a\n\ndata: b", {"|a"}},
      {"no stream", "{\"error\": {\"message\": \"no\"}}", {}},
  };
  return all;
}

TEST(SseParser, ReadsWhatTheStandardSays) {
  for (const Case& c : cases()) EXPECT_EQ(read(c.stream), c.events) << c.name;
}

TEST(SseParser, EveryCutGivesTheSameEvents) {
  for (const Case& c : cases()) {
    for (std::size_t first = 0; first <= c.stream.size(); ++first) {
      for (std::size_t second = first; second <= c.stream.size(); ++second) {
        Reader reader;
        reader.feed(c.stream.substr(0, first));
        reader.feed(c.stream.substr(first, second - first));
        reader.feed(c.stream.substr(second));
        ASSERT_EQ(reader.events, c.events) << c.name << ", cut at " << first << " and " << second;
      }
    }
  }
}

TEST(SseParser, ASinkThatHasEnoughIsNotCalledAgain) {
  SseParser parser;
  int calls = 0;
  const bool more = parser.feed("data: a\n\ndata: b\n\n", [&](const SseEvent&) {
    ++calls;
    return false;
  });
  EXPECT_FALSE(more);
  EXPECT_EQ(calls, 1);
}

TEST(SseParser, ALineHasALimit) {
  const std::string just = "data: " + std::string(26, 'x');
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{100}}) {
    for (const bool too_long : {false, true}) {
      Reader reader{.parser = SseParser({.max_line = 32, .max_event = 100}), .events = {}};
      const std::string stream = just + (too_long ? "x" : "") + "\n\n";
      const auto feed_all = [&] {
        for (std::size_t at = 0; at < stream.size(); at += step) reader.feed(std::string_view(stream).substr(at, step));
      };
      if (too_long) {
        EXPECT_THROW(feed_all(), SseError) << step;
      } else {
        EXPECT_NO_THROW(feed_all()) << step;
        EXPECT_EQ(reader.events.size(), 1U);
      }
    }
  }
}

TEST(SseParser, ALineWithoutEndIsRefusedBeforeItIsKept) {
  Reader reader{.parser = SseParser({.max_line = 64, .max_event = 64}), .events = {}};
  EXPECT_THROW(
      {
        for (int i = 0; i < 100; ++i) reader.feed("data data ");
      },
      SseError);
}

TEST(SseParser, AnEventHasALimit) {
  Reader reader{.parser = SseParser({.max_line = 64, .max_event = 20}), .events = {}};
  reader.feed("data: 1234567890\ndata: 123456789\n\n");  // 10 + 1 + 9
  EXPECT_EQ(reader.events.size(), 1U);
  reader.feed("event: x\ndata: 1234567890\n");
  EXPECT_THROW(reader.feed("data: 123456789\n"), SseError);
}

}  // namespace
}  // namespace nexus::llm
