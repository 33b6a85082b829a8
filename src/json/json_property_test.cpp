#include "json/json.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace nexus::json {
namespace {

/// Text of any code points but surrogates.
rc::Gen<std::string> any_text() {
  return rc::gen::map(rc::gen::container<std::vector<std::uint32_t>>(rc::gen::oneOf(
                          rc::gen::inRange<std::uint32_t>(0, 0x80), rc::gen::inRange<std::uint32_t>(0x80, 0x11'0000))),
                      [](const std::vector<std::uint32_t>& codes) {
                        std::string text;
                        for (std::uint32_t code : codes) {
                          if (code >= 0xD800 && code <= 0xDFFF) code -= 0x800;
                          if (code < 0x80) {
                            text.push_back(static_cast<char>(code));
                          } else if (code < 0x800) {
                            text.push_back(static_cast<char>(0xC0 | (code >> 6)));
                            text.push_back(static_cast<char>(0x80 | (code & 0x3F)));
                          } else if (code < 0x10000) {
                            text.push_back(static_cast<char>(0xE0 | (code >> 12)));
                            text.push_back(static_cast<char>(0x80 | ((code >> 6) & 0x3F)));
                            text.push_back(static_cast<char>(0x80 | (code & 0x3F)));
                          } else {
                            text.push_back(static_cast<char>(0xF0 | (code >> 18)));
                            text.push_back(static_cast<char>(0x80 | ((code >> 12) & 0x3F)));
                            text.push_back(static_cast<char>(0x80 | ((code >> 6) & 0x3F)));
                            text.push_back(static_cast<char>(0x80 | (code & 0x3F)));
                          }
                        }
                        return text;
                      });
}

double any_double() {
  const auto bits = *rc::gen::arbitrary<std::uint64_t>();
  double number = 0;
  std::memcpy(&number, &bits, sizeof number);
  return std::isfinite(number) ? number : 0.5;
}

boost::json::value any_value(int depth, bool with_doubles = true) {
  switch (*rc::gen::inRange(0, depth > 0 ? 8 : 6)) {
    case 0:
      return nullptr;
    case 1:
      return *rc::gen::arbitrary<bool>();
    case 2:
      return *rc::gen::arbitrary<std::int64_t>();
    case 3:
      return *rc::gen::arbitrary<std::uint64_t>() | (std::uint64_t{1} << 63);
    case 4:
      return with_doubles ? any_double() : 0.25;
    case 5:
      return boost::json::value(*any_text());
    case 6: {
      boost::json::array array;
      for (int i = *rc::gen::inRange(0, 4); i > 0; --i) array.push_back(any_value(depth - 1, with_doubles));
      return array;
    }
    default: {
      boost::json::object object;
      for (int i = *rc::gen::inRange(0, 4); i > 0; --i) object[*any_text()] = any_value(depth - 1, with_doubles);
      return object;
    }
  }
}

TEST(JsonProperty, WhatIsWrittenReadsBackEqual) {
  EXPECT_TRUE(rc::check([] {
    const boost::json::value value = any_value(4);
    RC_ASSERT(parse(write(value)) == value);
    RC_ASSERT(write(parse(write(value))) == write(value));
  }));
}

TEST(JsonProperty, DoublesRoundTripBitForBit) {
  EXPECT_TRUE(rc::check([] {
    const double number = any_double();
    std::string text;
    append_double(text, number);
    const double back = parse(text).as_double();
    RC_ASSERT(std::memcmp(&back, &number, sizeof number) == 0);
    RC_ASSERT(parse(canonical(boost::json::value(number))).to_number<double>() == number);
  }));
}

TEST(JsonProperty, AgreesWithAnotherParserOnItsOwnOutput) {
  EXPECT_TRUE(rc::check([] {
    // Without arbitrary doubles: Boost.JSON 1.81 rounds some of them in the last place.
    const boost::json::value value = any_value(3, false);
    RC_ASSERT(boost::json::parse(write(value)) == value);
  }));
}

TEST(JsonProperty, CanonicalTextIsAFixedPointAndIgnoresOrder) {
  EXPECT_TRUE(rc::check([] {
    boost::json::object object;
    for (int i = 0; i < 5; ++i) object[*any_text()] = any_value(2);
    boost::json::object reversed;
    for (auto it = object.end(); it != object.begin();) {
      --it;
      reversed[it->key()] = it->value();
    }
    const std::string text = canonical(object);
    RC_ASSERT(canonical(reversed) == text);
    RC_ASSERT(canonical(parse(text)) == text);
  }));
}

TEST(JsonProperty, DamagedTextIsRefusedOrReadNeverWorse) {
  EXPECT_TRUE(rc::check([] {
    std::string text = write(any_value(3));
    const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
    text[at] = static_cast<char>(*rc::gen::inRange(0, 256));
    try {
      const boost::json::value value = parse(text);
      RC_ASSERT(parse(write(value)) == value);
    } catch (const ParseError& error) {
      RC_ASSERT(error.offset() <= text.size());
      RC_ASSERT(error.position() <= error.offset());
    }
  }));
}

}  // namespace
}  // namespace nexus::json
