#include "redis/resp.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace nexus::redis {
namespace {

using Kind = Value::Kind;

std::vector<Value> read(std::string_view bytes, std::size_t step = 1'000'000, RespLimits limits = {}) {
  RespParser parser(limits);
  std::vector<Value> out;
  while (!bytes.empty()) {
    parser.feed(bytes.substr(0, step));
    bytes.remove_prefix(std::min(step, bytes.size()));
    while (auto value = parser.next()) out.push_back(std::move(*value));
  }
  return out;
}
Value read_one(std::string_view bytes) {
  auto all = read(bytes);
  EXPECT_EQ(all.size(), 1u);
  return all.empty() ? Value{} : all.front();
}
Value text(std::string content) {
  return {.kind = Kind::kText, .text = std::move(content)};
}
Value integer(std::int64_t number) {
  return {.kind = Kind::kInteger, .integer = number};
}

TEST(RespTest, ReadsEveryTypeOfBothVersions) {
  EXPECT_EQ(read_one("+OK\r\n"), text("OK"));
  EXPECT_EQ(read_one("$5\r\na\r\nbc\r\n"), text("a\r\nbc"));
  EXPECT_EQ(read_one("$0\r\n\r\n"), text(""));
  EXPECT_EQ(read_one(":-42\r\n"), integer(-42));
  EXPECT_EQ(read_one("$-1\r\n"), Value{});
  EXPECT_EQ(read_one("*-1\r\n"), Value{});
  EXPECT_EQ(read_one("_\r\n"), Value{});
  EXPECT_EQ(read_one("#t\r\n"), integer(1));
  EXPECT_EQ(read_one(",3.25\r\n"), text("3.25"));
  EXPECT_EQ(read_one("(123456789012345678901234567890\r\n"), text("123456789012345678901234567890"));
  EXPECT_EQ(read_one("=7\r\ntxt:abc\r\n"), text("abc"));
  EXPECT_EQ(read_one("*0\r\n").kind, Kind::kArray);
  EXPECT_EQ(read_one("*2\r\n:1\r\n*1\r\n+x\r\n").items[1].items[0], text("x"));
  EXPECT_EQ(read_one("%1\r\n+k\r\n:2\r\n").items, (std::vector<Value>{text("k"), integer(2)}));
  EXPECT_EQ(read_one("~1\r\n:7\r\n").items, (std::vector<Value>{integer(7)}));
  EXPECT_EQ(read_one(">1\r\n+m\r\n").kind, Kind::kPush);
  EXPECT_EQ(read_one("!6\r\nNO way\r\n"), (Value{.kind = Kind::kError, .text = "NO way"}));
}

TEST(RespTest, DropsAttributesWhereverTheyStand) {
  EXPECT_EQ(read_one("|1\r\n+ttl\r\n:3\r\n+OK\r\n"), text("OK"));
  EXPECT_EQ(read_one("*2\r\n:1\r\n|1\r\n+a\r\n*1\r\n:9\r\n:2\r\n").items, (std::vector<Value>{integer(1), integer(2)}));
}

TEST(RespTest, NamesAnErrorByItsFirstWordAndNeverByWhatFollows) {
  EXPECT_EQ(read_one("-MOVED 42 10.0.0.1:6379\r\n").error_code(), "MOVED");
  EXPECT_EQ(read_one("-secret123 what\r\n").error_code(), "ERROR");
  EXPECT_EQ(read_one("+OK\r\n").error_code(), "");
}

TEST(RespTest, RefusesWhatIsNoRespAndWhatIsTooMuch) {
  const RespLimits small{.max_bytes = 1'000, .max_depth = 2, .max_line = 20};
  for (const std::string_view bad : {"HTTP/1.1 200\r\n", "\r\n", "$x\r\n", "$-2\r\n", ":\r\n", ":1x\r\n", "#y\r\n",
                                     "$1\r\nabc\r\n", "*-2\r\n", "$?\r\n"})
    EXPECT_THROW((void)read(bad), ProtocolError) << bad;
  EXPECT_THROW((void)read("$1001\r\n", 100, small), ProtocolError);
  EXPECT_THROW((void)read("*1000000\r\n", 100, small), ProtocolError);
  EXPECT_THROW((void)read("*1\r\n*1\r\n*1\r\n", 100, small), ProtocolError);
  EXPECT_THROW((void)read("+012345678901234567890", 1, small), ProtocolError);
  EXPECT_THROW((void)read("*9223372036854775807\r\n"), ProtocolError);
}

TEST(RespTest, CountsTheBoundForEachAnswerAnew) {
  std::string many;
  for (int i = 0; i < 100; ++i) many += "$100\r\n" + std::string(100, 'x') + "\r\n";
  EXPECT_EQ(read(many, 7, {.max_bytes = 1'000}).size(), 100u);
}

Value any_value(int depth) {
  const int kind = *rc::gen::inRange(0, depth > 0 ? 5 : 4);
  switch (kind) {
    case 0:
      return {};
    case 1:
      return integer(*rc::gen::arbitrary<std::int64_t>());
    case 2:
      return text(*rc::gen::arbitrary<std::string>());
    case 3:
      return {.kind = Kind::kError, .text = *rc::gen::arbitrary<std::string>()};
    default: {
      Value out{.kind = Kind::kArray};
      const int n = *rc::gen::inRange(0, 4);
      for (int i = 0; i < n; ++i) out.items.push_back(any_value(depth - 1));
      return out;
    }
  }
}

void write(std::string& out, const Value& value) {
  switch (value.kind) {
    case Kind::kNull:
      out += "_\r\n";
      return;
    case Kind::kInteger:
      out += ":" + std::to_string(value.integer) + "\r\n";
      return;
    case Kind::kError:
      out += "!" + std::to_string(value.text.size()) + "\r\n" + value.text + "\r\n";
      return;
    case Kind::kText:
      return append_bulk(out, value.text);
    case Kind::kArray:
    case Kind::kPush:
      append_array_header(out, value.items.size());
      for (const Value& item : value.items) write(out, item);
  }
}

TEST(RespTest, ReadsTheSameWhateverPiecesItComesIn) {
  EXPECT_TRUE(rc::check([] {
    std::vector<Value> values;
    std::string bytes;
    const int n = *rc::gen::inRange(1, 5);
    for (int i = 0; i < n; ++i) {
      values.push_back(any_value(3));
      write(bytes, values.back());
    }
    const auto step = static_cast<std::size_t>(*rc::gen::inRange(1, 20));
    RC_ASSERT(read(bytes, step) == values);
  }));
}

}  // namespace
}  // namespace nexus::redis
