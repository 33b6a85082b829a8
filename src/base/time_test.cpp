#include "base/time.h"

#include <gtest/gtest.h>

namespace nexus {
namespace {

constexpr Timestamp kNoon{1'771'322'400'000'000};  // 2026-02-17T10:00:00Z

TEST(Time, PrintsTheFractionOnlyWhenThereIsOne) {
  EXPECT_EQ(iso(kNoon), "2026-02-17T10:00:00+00:00");
  EXPECT_EQ(iso(kNoon + 123'456), "2026-02-17T10:00:00.123456+00:00");
  EXPECT_EQ(iso(kNoon + 1), "2026-02-17T10:00:00.000001+00:00");
  EXPECT_EQ(iso_z(kNoon + 999'999), "2026-02-17T10:00:00Z");
}

TEST(Time, PrintsTimesBeforeTheEpoch) {
  EXPECT_EQ(iso(Timestamp{-1}), "1969-12-31T23:59:59.999999+00:00");
  EXPECT_EQ(iso(Timestamp{0}), "1970-01-01T00:00:00+00:00");
}

TEST(Time, ReadsWhatItPrints) {
  for (const std::int64_t us :
       {std::int64_t{-1}, std::int64_t{0}, kNoon.us, kNoon.us + 7, std::int64_t{253402300799999999}})
    EXPECT_EQ(parse_iso(iso(Timestamp{us})), Timestamp{us});
}

TEST(Time, ReadsTheFormsThatClientsSend) {
  EXPECT_EQ(parse_iso("2026-02-17T10:00:00Z"), kNoon);
  EXPECT_EQ(parse_iso("2026-02-17 10:00:00"), kNoon);
  EXPECT_EQ(parse_iso("2026-02-17T10:00"), kNoon);
  EXPECT_EQ(parse_iso("2026-02-17T12:00:00+02:00"), kNoon);
  EXPECT_EQ(parse_iso("2026-02-17T12:00:00+0200"), kNoon);
  EXPECT_EQ(parse_iso("2026-02-17T04:30:00-05:30"), kNoon);
  EXPECT_EQ(parse_iso("2026-02-17T12+02"), std::nullopt);
  EXPECT_EQ(parse_iso("2026-02-17T10:00:00.5Z"), kNoon + 500'000);
  EXPECT_EQ(parse_iso("2026-02-17T10:00:00.123456789Z"), kNoon + 123'456);
  EXPECT_EQ(parse_iso("2026-02-17"), kNoon - 36'000 * Timestamp::kSecond);
}

TEST(Time, RefusesMalformedTexts) {
  for (const char* text :
       {"", "2026", "2026-02-30", "2026-13-01", "2026-02-17T", "2026-02-17T24:00:00", "2026-02-17T10:60:00",
        "2026-02-17T10:00:60", "2026-02-17T10:00:00.", "2026-02-17T10:00:00.1234567890", "2026-02-17T10:00:00+2",
        "2026-02-17T10:00:00+02:", "2026-02-17T10:00:00+24:00", "2026-02-17T10:00:00 UTC", "2026-02-17x10:00:00",
        " 2026-02-17", "+026-02-17"})
    EXPECT_EQ(parse_iso(text), std::nullopt) << text;
}

TEST(Time, KnowsLeapYears) {
  EXPECT_TRUE(parse_iso("2024-02-29").has_value());
  EXPECT_TRUE(parse_iso("2000-02-29").has_value());
  EXPECT_FALSE(parse_iso("1900-02-29").has_value());
}

TEST(Time, SystemClockMovesForward) {
  const SystemClock clock;
  const std::int64_t before = clock.steady_us();
  EXPECT_GE(clock.steady_us(), before);
  EXPECT_GT(clock.now(), kNoon - 365 * Timestamp::kDay * 10);
}

}  // namespace
}  // namespace nexus
