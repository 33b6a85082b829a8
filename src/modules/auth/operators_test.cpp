#include "modules/auth/operators.h"

#include "base/errors.h"
#include "support/call_fixture.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>

namespace nexus::auth {
namespace {

using testing::TestCall;

std::string refusal(const std::function<void()>& act) {
  try {
    act();
  } catch (const ApiError& e) {
    return std::string(e.kind().code) + ": " + e.message();
  }
  return {};
}

constexpr const char* kForeign = "AUTH_FORBIDDEN: Tenant scope does not match admin key";
constexpr const char* kReserved = "AUTH_FORBIDDEN: This action is reserved for platform operators";

TEST(Operators, EverybodyActsForTheOwnTenantOnly) {
  const Operators operators({"*"});
  const TestCall t;
  EXPECT_EQ(operators.scope_for(t.call, "t1").id(), "t1");
  EXPECT_EQ(refusal([&] { (void)operators.scope_for(t.call, "t2"); }), kForeign);
  EXPECT_EQ(refusal([&] { operators.require(t.call); }), "");
  EXPECT_FALSE(operators.spans_tenants(t.call));
  EXPECT_TRUE(operators.is_everybody());
}

TEST(Operators, ANamedTenantsAdminActsForAllTenants) {
  const Operators operators({"ops", "t1"});
  const TestCall t;
  EXPECT_EQ(operators.scope_for(t.call, "t2").id(), "t2");
  EXPECT_EQ(operators.scope_for(t.call, "t1").id(), "t1");
  EXPECT_EQ(refusal([&] { (void)operators.scope_for(t.call, ""); }), kForeign);
  EXPECT_EQ(refusal([&] { operators.require(t.call); }), "");
  EXPECT_TRUE(operators.spans_tenants(t.call));
  EXPECT_FALSE(operators.is_everybody());
}

TEST(Operators, OthersKeepTheirOwnTenantAndAreNoOperators) {
  const Operators operators({"ops"});
  const TestCall t;
  EXPECT_EQ(operators.scope_for(t.call, "t1").id(), "t1");
  EXPECT_EQ(refusal([&] { (void)operators.scope_for(t.call, "ops"); }), kForeign);
  EXPECT_EQ(refusal([&] { operators.require(t.call); }), kReserved);
  EXPECT_FALSE(operators.spans_tenants(t.call));
}

TEST(Operators, NeedTheAdminRole) {
  for (const char* list : {"*", "t1"}) {
    const Operators operators({list});
    const TestCall t(Role::kEditor);
    EXPECT_EQ(refusal([&] { operators.require(t.call); }), kReserved) << list;
    EXPECT_EQ(refusal([&] { (void)operators.scope_for(t.call, "t2"); }), kForeign) << list;
    EXPECT_FALSE(operators.spans_tenants(t.call)) << list;
  }
}

TEST(Operators, ANameBesideTheStarStillSpansTenants) {
  const Operators operators({"*", "ops"});
  const TestCall t(Role::kAdmin, "ops");
  EXPECT_EQ(operators.scope_for(t.call, "t2").id(), "t2");
  const TestCall other;
  EXPECT_EQ(refusal([&] { operators.require(other.call); }), "");
  EXPECT_EQ(refusal([&] { (void)operators.scope_for(other.call, "t2"); }), kForeign);
}

TEST(Operators, AnEmptyListHasNone) {
  const Operators operators({});
  const TestCall t;
  EXPECT_EQ(refusal([&] { operators.require(t.call); }), kReserved);
  EXPECT_FALSE(operators.is_operator(t.call.principal()));
}

}  // namespace
}  // namespace nexus::auth
