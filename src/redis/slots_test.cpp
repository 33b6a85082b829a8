#include "redis/slots.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace nexus::redis {
namespace {

Value number(std::int64_t n) {
  return {.kind = Value::Kind::kInteger, .integer = n};
}
Value array(std::vector<Value> items) {
  return {.kind = Value::Kind::kArray, .items = std::move(items)};
}
Value row(std::int64_t first, std::int64_t last, const std::string& host, std::int64_t port) {
  return array({number(first), number(last), array({{.kind = Value::Kind::kText, .text = host}, number(port)})});
}

TEST(RedisSlotsTest, HashesAsTheSpecificationSays) {
  EXPECT_EQ(crc16("123456789"), 0x31C3);
  EXPECT_EQ(slot_of("foo"), 12'182);
  EXPECT_EQ(slot_of("{user1000}.following"), slot_of("{user1000}.followers"));
  EXPECT_EQ(slot_of("{user1000}.following"), slot_of("user1000"));
  EXPECT_EQ(slot_of("foo{}{bar}"), crc16("foo{}{bar}") % kSlots);
  EXPECT_EQ(slot_of("foo{{bar}}zap"), slot_of("{bar"));
  EXPECT_EQ(slot_of("foo{bar}{zap}"), slot_of("bar"));
}

TEST(RedisSlotsTest, ReadsWhoServesWhat) {
  SlotMap map;
  ASSERT_TRUE(map.read(array({row(0, 99, "a", 1), row(100, 16'383, "", 2)}), {"asked", 9}));
  EXPECT_EQ(*map.master(99), (Endpoint{"a", 1}));
  EXPECT_EQ(*map.master(100), (Endpoint{"asked", 2}));
  EXPECT_EQ(map.masters().size(), 2u);
  map.move(99, {"c", 3});
  EXPECT_EQ(*map.master(99), (Endpoint{"c", 3}));
  EXPECT_EQ(*map.master(98), (Endpoint{"a", 1}));
}

TEST(RedisSlotsTest, LeavesOutWhatIsMalformedAndKeepsTheOldMapWhenNothingIsLeft) {
  SlotMap map;
  EXPECT_EQ(map.master(0), nullptr);
  ASSERT_TRUE(map.read(array({row(5, 5, "a", 1), row(9, 3, "b", 1), row(-1, 3, "b", 1), row(0, 16'384, "b", 1),
                              row(0, 3, "b", 0), number(3), array({})}),
                       {"asked", 9}));
  EXPECT_EQ(map.masters().size(), 1u);
  EXPECT_EQ(map.master(3), nullptr);
  EXPECT_FALSE(map.read(array({}), {"asked", 9}));
  EXPECT_FALSE(map.read(number(1), {"asked", 9}));
  EXPECT_EQ(*map.master(5), (Endpoint{"a", 1}));
}

}  // namespace
}  // namespace nexus::redis
