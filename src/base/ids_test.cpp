#include "base/ids.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

namespace nexus {
namespace {

bool is_dashed_uuid(const std::string& id) {
  if (id.size() != 36) return false;
  for (std::size_t i = 0; i < id.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const bool hex = (id[i] >= '0' && id[i] <= '9') || (id[i] >= 'a' && id[i] <= 'f');
    if (dash ? id[i] != '-' : !hex) return false;
  }
  return true;
}

TEST(Ids, RandomUuidHasVersionAndVariant) {
  for (int i = 0; i < 1000; ++i) {
    const std::string id = uuid4();
    ASSERT_TRUE(is_dashed_uuid(id)) << id;
    EXPECT_EQ(id[14], '4');
    EXPECT_NE(std::string("89ab").find(id[19]), std::string::npos);
  }
}

TEST(Ids, HexFormHasThirtyTwoDigits) {
  const std::string id = hex32();
  EXPECT_EQ(id.size(), 32u);
  EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_EQ(id[12], '4');
}

TEST(Ids, AreUniqueAcrossThreads) {
  std::set<std::string> all;
  std::mutex mutex;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      std::vector<std::string> own;
      for (int i = 0; i < 2000; ++i) own.push_back(uuid4());
      const std::lock_guard lock(mutex);
      all.insert(own.begin(), own.end());
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(all.size(), 8000u);
}

TEST(Ids, TimeOrderedUuidSortsByTimeToTheMicrosecond) {
  std::string previous;
  for (std::int64_t us = 1'700'000'000'000'000; us < 1'700'000'000'003'000; ++us) {
    const std::string id = uuid7(Timestamp{us});
    ASSERT_TRUE(is_dashed_uuid(id)) << id;
    ASSERT_EQ(id[14], '7');
    ASSERT_LT(previous, id);
    previous = id;
  }
}

TEST(Ids, TimeOrderedUuidCarriesTheMilliseconds) {
  EXPECT_EQ(uuid7(Timestamp{0x017F22E279B0 * 1000LL}).substr(0, 13), "017f22e2-79b0");  // RFC 9562, A.6
}

TEST(Ids, RandomBytesFillAnyLength) {
  std::array<std::byte, 5000> bytes{};
  random_bytes(bytes);
  EXPECT_GT(std::count_if(bytes.begin(), bytes.end(), [](std::byte b) { return b != std::byte{0}; }), 4500);
  random_bytes({});
}

}  // namespace
}  // namespace nexus
