#include "modules/rag/run_frames.h"

#include "json/json.h"
#include "support/call_fixture.h"

#include <gtest/gtest.h>

#include <string>

namespace nexus::rag {
namespace {

TEST(RunFrames, AreByteForByteTheContracts) {
  RunFrames frames("7d0c", "s-9");
  EXPECT_EQ(frames.message("token.delta", R"({"delta":"Hello "})"),
            "event: message\n"
            "id: 1\n"
            R"(data: {"type":"token.delta","request_id":"7d0c","session_id":"s-9","data":{"delta":"Hello "},"seq":1})"
            "\n\n");
  EXPECT_EQ(frames.named("cost.warn", "{}"),
            "event: cost.warn\n"
            "id: 2\n"
            R"(data: {"type":"cost.warn","request_id":"7d0c","session_id":"s-9","data":{},"seq":2})"
            "\n\n");
}

TEST(RunFrames, AHeartbeatIsFlatAndCounts) {
  RunFrames frames("7d0c", "s-9");
  (void)frames.message("request.accepted", "{}");
  EXPECT_EQ(frames.heartbeat(testing::FakeClock::kStart),
            "event: heartbeat\n"
            "id: 2\n"
            R"(data: {"ts":"2026-02-17T10:00:00+00:00","request_id":"7d0c","seq":2})"
            "\n\n");
  EXPECT_EQ(frames.last_seq(), 2U);
  EXPECT_TRUE(frames.message("done", "{}").starts_with("event: message\nid: 3\n"));
}

TEST(RunFrames, ASessionIdCannotBreakTheFrameAndTextIsNotEscaped) {
  RunFrames frames("r", "a\"\n\ndata: {}\n\nÜ");
  const std::string frame(frames.message("done", "{}"));
  EXPECT_EQ(frame.find("\n\n"), frame.size() - 2);
  EXPECT_NE(frame.find("Ü"), std::string::npos);
  const std::size_t begin = frame.find("data: ") + 6;
  const boost::json::value payload = json::parse(std::string_view(frame).substr(begin, frame.size() - 2 - begin));
  EXPECT_EQ(payload.at("session_id").as_string(), "a\"\n\ndata: {}\n\nÜ");
}

}  // namespace
}  // namespace nexus::rag
