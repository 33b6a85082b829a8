#include "modules/limits/bucket_table.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

namespace nexus::limits {
namespace {

constexpr std::int64_t kSecond = 1'000'000;
const Rate kRate(1, 10);

BucketName name(std::uint64_t id) {
  return {.owner = {.low = id, .high = 0}, .tag = 1};
}

/// The bucket of `id`, after it was charged.
BucketTable::Entry& charge(BucketTable& table, std::uint64_t id, std::int64_t tokens, std::int64_t now_us) {
  BucketTable::Entry* entry = table.find(name(id));
  if (entry == nullptr) entry = &table.create(name(id), kRate, now_us);
  entry->bucket.refill(kRate, now_us);
  entry->bucket.level -= tokens * kToken;
  table.settle(*entry);
  return *entry;
}

TEST(BucketTableTest, KeepsToItsBound) {
  BucketTable table(4);
  for (std::uint64_t id = 0; id < 100; ++id) charge(table, id, 1, 0);
  EXPECT_EQ(table.size(), 4);
}

TEST(BucketTableTest, GivesUpAFullBucketBeforeAnyOther) {
  BucketTable table(3);
  charge(table, 1, 9, 0);
  charge(table, 2, 2, 0);  // full after two seconds, then touched again
  charge(table, 3, 3, 0);  // full after three
  charge(table, 2, 5, 2 * kSecond);
  charge(table, 4, 1, 4 * kSecond);
  EXPECT_EQ(table.find(name(3)), nullptr);
  EXPECT_NE(table.find(name(1)), nullptr);
  EXPECT_NE(table.find(name(2)), nullptr);
}

TEST(BucketTableTest, WithoutAFullBucketGivesUpTheOneThatIsNearest) {
  BucketTable table(3);
  charge(table, 1, 9, 0);
  charge(table, 2, 4, 0);
  charge(table, 3, 6, 0);
  charge(table, 4, 10, 0);
  EXPECT_EQ(table.find(name(2)), nullptr);
  EXPECT_EQ(table.size(), 3);
}

TEST(BucketTableTest, ForgetsIdleBucketsWhenOthersCome) {
  BucketTable table(1'000);
  for (std::uint64_t id = 0; id < 100; ++id) charge(table, id, 1, 0);
  for (std::uint64_t id = 100; id < 160; ++id) charge(table, id, 1, kSecond + BucketTable::kIdleUs);
  EXPECT_EQ(table.size(), 60);
}

TEST(BucketTableTest, DoesNotForgetBusyBuckets) {
  BucketTable table(1'000);
  for (std::int64_t at = 0; at <= 2 * BucketTable::kIdleUs; at += 60 * kSecond) charge(table, 1, 1, at);
  charge(table, 2, 1, 2 * BucketTable::kIdleUs);
  EXPECT_EQ(table.size(), 2);
}

TEST(BucketTableTest, WhatIsHeldStays) {
  BucketTable table(2);
  BucketTable::Entry& held = table.create(name(1), kRate, 0);
  table.settle(held);
  charge(table, 2, 5, 0);
  table.hold(held);
  charge(table, 3, 5, 0);
  EXPECT_EQ(table.find(name(1)), &held);
  EXPECT_EQ(table.find(name(2)), nullptr);
  table.settle(held);
  charge(table, 4, 5, 0);
  EXPECT_EQ(table.find(name(1)), nullptr);  // full, and not held any more
}

TEST(BucketTableProperty, NeverEvictsOneThatIsNotFullWhileAFullOneExists) {
  rc::check([] {
    constexpr std::size_t kMost = 8;
    BucketTable table(kMost);
    std::map<std::uint64_t, std::int64_t> full_at;  // by hand, of those that should be present
    std::int64_t now = 0;
    const auto steps = *rc::gen::container<std::vector<std::tuple<std::uint64_t, std::int64_t, std::int64_t>>>(
        rc::gen::tuple(rc::gen::inRange<std::uint64_t>(0, 20), rc::gen::inRange<std::int64_t>(1, 4),
                       rc::gen::inRange<std::int64_t>(0, 2 * kSecond)));
    for (const auto& [id, tokens, passed] : steps) {
      now += passed;
      const bool is_new = table.find(name(id)) == nullptr;
      const auto before = full_at;
      BucketTable::Entry& entry = charge(table, id, tokens, now);
      entry.bucket.level = std::max<std::int64_t>(entry.bucket.level, 0);
      full_at[id] = entry.bucket.full_at_us(kRate);
      RC_ASSERT(table.size() <= kMost);
      std::size_t evicted = 0;
      for (const auto& [other, due] : before) {
        if (other == id || table.find(name(other)) != nullptr) continue;
        ++evicted;
        full_at.erase(other);
        // Whoever went was the nearest to full of all that were there.
        for (const auto& [kept, kept_due] : before)
          if (kept != id && table.find(name(kept)) != nullptr) RC_ASSERT(due <= kept_due);
      }
      RC_ASSERT(evicted <= (is_new ? 1U : 0U));
      RC_ASSERT(table.size() == full_at.size());
    }
  });
}

}  // namespace
}  // namespace nexus::limits
