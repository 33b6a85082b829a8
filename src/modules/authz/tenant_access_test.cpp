#include "modules/authz/tenant_access.h"

#include "support/call_fixture.h"

#include <gtest/gtest.h>

#include <memory>

namespace nexus::authz {
namespace {

TEST(TenantAccess, AMemberReadsEverythingAlsoWhatComesLater) {
  testing::TestCall t;
  const auto space = std::make_shared<search::DocumentSpace>();
  const std::uint32_t before = space->intern("d1");
  t.database->read([&](db::Snapshot& s) {
    const search::ReadableDocuments readable = TenantAccess().readable(s, t.tenant(), t.call.principal(), "c1");
    EXPECT_TRUE(readable.all());
    EXPECT_TRUE(readable.contains("d2"));
    EXPECT_TRUE(readable.contains(""));
    const search::ReadableOrdinals numbers(readable, space);
    EXPECT_TRUE(numbers.contains(before));
    EXPECT_TRUE(numbers.contains(space->intern("d2")));
    EXPECT_TRUE(numbers.contains(search::DocumentSpace::kNoDocument));
  });
}

}  // namespace
}  // namespace nexus::authz
