#include "http/sse.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace nexus::http {
namespace {

TEST(SseFrames, WriteEventIdAndData) {
  std::string out = "x";
  append_frame(out, "message", 3, R"({"seq":3})");
  EXPECT_EQ(out, "xevent: message\nid: 3\ndata: {\"seq\":3}\n\n");
}

TEST(SseFrames, LeaveTheIdOut) {
  std::string out;
  append_frame(out, "heartbeat", std::nullopt, "{}");
  EXPECT_EQ(out, "event: heartbeat\ndata: {}\n\n");
}

TEST(SseFrames, SplitLineBreaksOfAnyKind) {
  std::string out;
  append_frame(out, "message", std::nullopt, "a\nb\r\nc\rd\n");
  EXPECT_EQ(out, "event: message\ndata: a\ndata: b\ndata: c\ndata: d\ndata: \n\n");
}

TEST(SseFrames, RefuseALineBreakInTheName) {
  std::string out;
  EXPECT_THROW(append_frame(out, "a\nb", std::nullopt, "{}"), std::invalid_argument);
  EXPECT_THROW(append_frame(out, "a\rb", std::nullopt, "{}"), std::invalid_argument);
}

TEST(LastEventId, ReadsDecimalNumbersOnly) {
  EXPECT_EQ(parse_last_event_id("17"), 17U);
  EXPECT_EQ(parse_last_event_id(" 0 "), 0U);
  EXPECT_EQ(parse_last_event_id("9999999999999999999"), 9999999999999999999U);
  for (const auto* bad : {"", " ", "-1", "+1", "1x", "0x1", "1 2", "99999999999999999999", "abc"})
    EXPECT_EQ(parse_last_event_id(bad), std::nullopt) << bad;
}

}  // namespace
}  // namespace nexus::http
