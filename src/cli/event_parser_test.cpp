#include "cli/event_parser.h"

#include <gtest/gtest.h>

#include <vector>

namespace nexus::cli {
namespace {

std::vector<std::string> parsed(std::string_view stream, std::size_t piece) {
  std::vector<std::string> out;
  EventParser parser([&](const EventParser::Event& event) { out.push_back(event.name + "|" + event.data); });
  for (std::size_t at = 0; at < stream.size(); at += piece) parser.feed(stream.substr(at, piece));
  return out;
}

TEST(EventParser, GivesTheSameEventsWhateverThePieces) {
  constexpr std::string_view kStream =
      "event: message\nid: 1\ndata: {\"a\":1}\n\n"
      ": a comment\n\n"
      "event: heartbeat\r\ndata:two\r\ndata: lines\r\n\r\n"
      "data: plain\n\n"
      "event: without-data\n\n"
      "data: unfinished";
  const std::vector<std::string> expected{"message|{\"a\":1}", "heartbeat|two\nlines", "message|plain"};
  for (std::size_t piece = 1; piece <= kStream.size(); ++piece) EXPECT_EQ(parsed(kStream, piece), expected) << piece;
}

}  // namespace
}  // namespace nexus::cli
