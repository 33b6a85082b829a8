#include "cloud/aws/event_stream.h"

#include "base/encoding.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <limits>

namespace nexus::cloud::aws {
namespace {

std::string from_hex(std::string_view hex) {
  const auto bytes = hex_decode(hex);
  return std::string(as_text(*bytes));
}

/// All messages of the bytes, fed in pieces of the given sizes (the last one again and again).
std::vector<EventMessage> decode(std::string_view bytes, const std::vector<std::size_t>& pieces,
                                 EventStreamOptions options = {}) {
  EventStreamDecoder decoder(options);
  std::vector<EventMessage> messages;
  std::size_t which = 0;
  while (!bytes.empty()) {
    const std::size_t size = std::min(pieces[std::min(which++, pieces.size() - 1)], bytes.size());
    decoder.feed(bytes.substr(0, size));
    bytes.remove_prefix(size);
    while (auto message = decoder.next()) messages.push_back(*std::move(message));
  }
  decoder.finish();
  return messages;
}

std::vector<EventMessage> decode(std::string_view bytes) {
  return decode(bytes, {std::max<std::size_t>(bytes.size(), 1)});
}

std::string refusal(std::string_view bytes, EventStreamOptions options = {}) {
  try {
    (void)decode(bytes, {std::max<std::size_t>(bytes.size(), 1)}, options);
    return "";
  } catch (const EventStreamError& error) {
    return error.what();
  }
}

EventMessage every_type() {
  EventUuid uuid;
  for (std::size_t i = 0; i < uuid.size(); ++i) uuid[i] = static_cast<std::uint8_t>(240 + i);
  return {{{"true", true},
           {"false", false},
           {"byte", std::int8_t{-128}},
           {"short", std::int16_t{-2}},
           {"int", std::numeric_limits<std::int32_t>::min()},
           {"long", std::numeric_limits<std::int64_t>::min()},
           {"bytes", EventBytes{std::string("\0\xFF", 2)}},
           {":event-type", std::string("contentBlockDelta")},
           {"time", EventTime{-1}},
           {"uuid", uuid}},
          R"({"delta":{"text":"hi"}})"};
}

/// A message whose sums are right, whatever its lengths and headers say.
std::string assemble(std::uint32_t total, std::uint32_t header_bytes, std::string_view rest) {
  const auto number = [](std::uint32_t value) {
    std::string out;
    for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>((value >> shift) & 0xFFU));
    return out;
  };
  std::string out = number(total) + number(header_bytes);
  out += number(crc32(out));
  out += rest;
  return out + number(crc32(out));
}
std::string with_headers(std::string_view headers) {
  return assemble(static_cast<std::uint32_t>(headers.size() + 16), static_cast<std::uint32_t>(headers.size()), headers);
}

TEST(EventStream, TheSumIsThatOfIeee) {
  EXPECT_EQ(crc32("123456789"), 0xCBF43926U);
  EXPECT_EQ(crc32(""), 0U);
}

// From the published vectors of the event stream encoding ("empty_message", "int32_header", "payload_no_headers").
TEST(EventStream, ReadsAndWritesThePublishedMessages) {
  const std::string empty = from_hex("000000100000000005c248eb7d98c8ff");
  EXPECT_EQ(decode(empty), std::vector<EventMessage>{{}});
  EXPECT_EQ(encode_event({}), empty);

  const std::string int32 = from_hex(
      "0000002d0000001041c424b80a6576656e742d747970650400"
      "00a00c7b27666f6f273a27626172277d36f480a0");
  const EventMessage with_int{{{"event-type", std::int32_t{40972}}}, "{'foo':'bar'}"};
  EXPECT_EQ(decode(int32), std::vector<EventMessage>{with_int});
  EXPECT_EQ(encode_event(with_int), int32);

  const std::string payload = from_hex("0000001d00000000fd528c5a7b27666f6f273a27626172277dc3653936");
  EXPECT_EQ(decode(payload), (std::vector<EventMessage>{{{}, "{'foo':'bar'}"}}));
  EXPECT_EQ(encode_event({{}, "{'foo':'bar'}"}), payload);
}

TEST(EventStream, KeepsEveryTypeOfHeaderAndTheOrder) {
  const EventMessage message = every_type();
  EXPECT_EQ(decode(encode_event(message)), std::vector<EventMessage>{message});
  EXPECT_EQ(message.text(":event-type"), "contentBlockDelta");
  EXPECT_EQ(message.text("int"), "") << "not a text";
  EXPECT_EQ(message.text("absent"), "");
}

TEST(EventStream, GivesAMessageAsSoonAsItsLastByteIsThere) {
  const std::string bytes = encode_event(every_type());
  EventStreamDecoder decoder;
  for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
    decoder.feed(std::string_view(bytes).substr(i, 1));
    EXPECT_FALSE(decoder.next());
    EXPECT_THROW(decoder.finish(), EventStreamError);
  }
  decoder.feed(std::string_view(bytes).substr(bytes.size() - 1));
  EXPECT_EQ(decoder.next(), every_type());
  decoder.finish();
}

TEST(EventStream, EveryFlippedBitIsRefused) {
  const std::string bytes = encode_event(every_type());
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(static_cast<unsigned char>(damaged[bit / 8]) ^ (1U << (bit % 8)));
    EXPECT_NE(refusal(damaged), "") << bit;
  }
}

TEST(EventStream, EveryCutIsRefusedAtTheEnd) {
  const std::string bytes = encode_event(every_type());
  for (std::size_t size = 1; size < bytes.size(); ++size)
    EXPECT_EQ(refusal(bytes.substr(0, size)), "the event stream ends inside an event");
}

TEST(EventStream, ALengthOverTheBoundIsRefusedBeforeTheMessageArrives) {
  const EventStreamOptions small{.max_message_bytes = 64, .max_header_bytes = 16};
  EXPECT_EQ(refusal(assemble(65, 0, "").substr(0, 12), small), "an event is too long");
  EXPECT_EQ(refusal(assemble(0xFFFFFFFFU, 0xFFFFFFFFU, "").substr(0, 12)), "an event is too long");
  EXPECT_EQ(refusal(assemble(64, 17, "").substr(0, 12), small), "an event has too many headers");
  EXPECT_EQ(decode(encode_event({{}, std::string(48, 'x')}), {64}, small).size(), 1U);
}

TEST(EventStream, LengthsThatContradictEachOtherAreRefused) {
  for (const std::uint32_t total : {0U, 1U, 15U, 19U})
    EXPECT_EQ(refusal(assemble(total, total < 16 ? 0 : 4, "")), "an event is shorter than its headers") << total;
}

TEST(EventStream, HeadersThatDoNotFitAreRefusedThoughTheSumsAreRight) {
  using namespace std::string_literals;
  EXPECT_EQ(refusal(with_headers("\1a\4\0\0"s)), "an event's header is longer than its message says");
  EXPECT_EQ(refusal(with_headers("\1a\7\0\2x"s)), "an event's header is longer than its message says");
  EXPECT_EQ(refusal(with_headers("\5a"s)), "an event's header is longer than its message says");
  EXPECT_EQ(refusal(with_headers("\1a\12"s)), "an event's header has an unknown type");
  EXPECT_EQ(refusal(with_headers("\0\0"s)), "an event's header has no name");
  EXPECT_EQ(refusal(with_headers("\1a\7\x80\0"s + std::string(32768, 'x'))),
            "an event's header has a value that is too long");
}

TEST(EventStream, NothingIsReadBehindADamagedMessage) {
  std::string bytes = encode_event(every_type());
  bytes[20] = static_cast<char>(~bytes[20]);
  EventStreamDecoder decoder;
  decoder.feed(bytes + encode_event({}));
  EXPECT_THROW((void)decoder.next(), EventStreamError);
  decoder.feed(encode_event({}));
  EXPECT_THROW((void)decoder.next(), EventStreamError);
  EXPECT_THROW(decoder.finish(), EventStreamError);
}

TEST(EventStream, WhatTheFormatCannotHoldIsNotWritten) {
  EXPECT_THROW((void)encode_event({{{"", true}}, ""}), EventStreamError);
  EXPECT_THROW((void)encode_event({{{std::string(256, 'n'), true}}, ""}), EventStreamError);
  EXPECT_THROW((void)encode_event({{{"a", std::string(32768, 'x')}}, ""}), EventStreamError);
}

EventValue any_value() {
  switch (*rc::gen::inRange(0, 9)) {
    case 0:
      return *rc::gen::arbitrary<bool>();
    case 1:
      return *rc::gen::arbitrary<std::int8_t>();
    case 2:
      return *rc::gen::arbitrary<std::int16_t>();
    case 3:
      return *rc::gen::arbitrary<std::int32_t>();
    case 4:
      return *rc::gen::arbitrary<std::int64_t>();
    case 5:
      return EventBytes{*rc::gen::arbitrary<std::string>()};
    case 6:
      return *rc::gen::arbitrary<std::string>();
    case 7:
      return EventTime{*rc::gen::arbitrary<std::int64_t>()};
    default: {
      EventUuid uuid;
      for (std::uint8_t& byte : uuid) byte = *rc::gen::arbitrary<std::uint8_t>();
      return uuid;
    }
  }
}

EventMessage any_message() {
  EventMessage message;
  const int headers = *rc::gen::inRange(0, 6);
  for (int i = 0; i < headers; ++i) {
    // In two steps: the order in which arguments are evaluated must not decide what is generated.
    std::string name = *rc::gen::nonEmpty(rc::gen::string<std::string>());
    name.resize(std::min<std::size_t>(name.size(), 255));
    message.headers.emplace_back(std::move(name), any_value());
  }
  message.payload = *rc::gen::arbitrary<std::string>();
  return message;
}

TEST(EventStream, AnyMessagesSurviveAnyCuts) {
  const bool holds = rc::check([] {
    std::vector<EventMessage> messages;
    std::string bytes;
    const int count = *rc::gen::inRange(0, 5);
    for (int i = 0; i < count; ++i) {
      messages.push_back(any_message());
      bytes += encode_event(messages.back());
    }
    const auto pieces = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange(1UL, 80UL)));
    RC_ASSERT(decode(bytes, pieces) == messages);
  });
  EXPECT_TRUE(holds);
}

TEST(EventStream, AnyChangedByteIsRefused) {
  const bool holds = rc::check([] {
    std::string bytes = encode_event(any_message());
    const auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
    const int change = *rc::gen::inRange(1, 256);
    bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ static_cast<unsigned>(change));
    RC_ASSERT(!refusal(bytes).empty());
  });
  EXPECT_TRUE(holds);
}

}  // namespace
}  // namespace nexus::cloud::aws
