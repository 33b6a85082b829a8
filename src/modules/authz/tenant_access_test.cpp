#include "modules/authz/tenant_access.h"

#include "support/call_fixture.h"

#include <gtest/gtest.h>

#include <memory>

namespace nexus::authz {
namespace {

TEST(TenantAccess, AMemberReadsEverythingOfTheIndexItAskedAboutAlsoWhatComesLater) {
  testing::TestCall t;
  const auto space = std::make_shared<search::DocumentSpace>();
  const std::uint32_t before = space->intern("d1");
  t.database->read([&](db::Snapshot& s) {
    const search::ReadableDocuments readable = TenantAccess().readable(s, t.tenant(), t.call.principal(), "c1", space);
    EXPECT_TRUE(readable.all());
    EXPECT_EQ(readable.space(), space);
    EXPECT_TRUE(readable.contains(before));
    EXPECT_TRUE(readable.contains(space->intern("d2")));
    EXPECT_TRUE(readable.contains(search::DocumentSpace::kNoDocument));
  });
}

}  // namespace
}  // namespace nexus::authz
