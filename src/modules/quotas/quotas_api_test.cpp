#include "modules/quotas/quotas_api.h"

#include "http/plain.h"
#include "modules/audit/redaction.h"
#include "modules/quotas/counter_pruner.h"
#include "modules/quotas/quotas_fixture.h"

#include <gtest/gtest.h>

#include <set>
#include <variant>

namespace nexus::quotas {
namespace {

/// Admins of "ops" operate every tenant; `everybody`: each admin its own, as with `*`.
struct Operators final : auth::OperatorGate {
  bool everybody = true;

  [[nodiscard]] TenantScope scope_for(const http::Call& call, std::string_view tenant_id) const override {
    if (tenant_id != call.tenant().id() && !spans_tenants(call))
      throw ApiError(errors::kAuthForbidden, "Tenant scope does not match admin key");
    return tenant(std::string(tenant_id));
  }
  void require(const http::Call& call) const override {
    if (!everybody && !spans_tenants(call)) throw ApiError(errors::kAuthForbidden, "Platform operator required");
  }
  [[nodiscard]] bool spans_tenants(const http::Call& call) const override { return call.tenant().id() == "ops"; }
};

struct ApiDesk : Surroundings {
  /// Status and payload, or code and message.
  std::string ask(http::Verb verb, const std::string& path_tenant, const std::string& body = {}, http::Pairs query = {},
                  const std::string& caller = "t1", bool usage = false) {
    for (const http::Endpoint& row : rows) {
      if (row.spec.verb != verb || row.spec.path.starts_with("/admin/usage") != usage) continue;
      http::Request request = testing::make_request();
      request.verb = verb;
      request.body = body;
      if (!body.empty()) request.headers.emplace_back("Content-Type", "application/json");
      request.query = std::move(query);
      http::Call call(request, row);
      call.path_params = {{"tenant_id", path_tenant}};
      call.now = clock.now();
      call.authenticated({.subject_id = "user-1", .tenant_id = caller, .role = Role::kAdmin, .credential_id = "key-1"},
                         tenant(caller));
      try {
        const http::Reply reply = std::get<http::PlainHandler>(row.run)(call, nullptr);
        return std::to_string(reply.status) + " " + reply.body;
      } catch (const ApiError& e) {
        const auto* errors = e.details().if_contains("errors");
        return std::string(e.kind().code) + ": " + e.message() + (errors != nullptr ? json::write(*errors) : "");
      }
    }
    throw std::logic_error("no such row");
  }
  std::string get(const std::string& path_tenant = "t1", const std::string& caller = "t1") {
    return ask(http::Verb::kGet, path_tenant, {}, {}, caller);
  }
  std::string patch(const std::string& body, const std::string& path_tenant = "t1", const std::string& caller = "t1") {
    return ask(http::Verb::kPatch, path_tenant, body, {}, caller);
  }
  std::string usage(http::Pairs query, const std::string& path_tenant = "t1") {
    return ask(http::Verb::kGet, path_tenant, {}, std::move(query), "t1", true);
  }
  static std::string limits(std::string_view daily, std::string_view monthly, std::string_view ratio = "0.8",
                            std::string_view hard = "true") {
    return R"({"tenant_id":"t1","daily_requests_limit":)" + std::string(daily) + R"(,"monthly_requests_limit":)" +
           std::string(monthly) + R"(,"daily_tokens_limit":null,"monthly_tokens_limit":null,"soft_cap_ratio":)" +
           std::string(ratio) + R"(,"hard_cap_enabled":)" + std::string(hard) + "}";
  }

  std::unique_ptr<db::Database> database = testing::scratch_database(clock, metrics);
  std::unique_ptr<QuotaLedger> books = ledger(*database);
  Operators operators;
  QuotasApi api{*database, *books, plans, operators, audit, clock};
  std::vector<http::Endpoint> rows = api.endpoints();
};

TEST(QuotasApi, ATenantWithoutARowShowsTheDefaults) {
  ApiDesk d;
  EXPECT_EQ(d.get(), "200 " + ApiDesk::limits("null", "null"));
}

TEST(QuotasApi, ATenantWithoutARowShowsTheLimitsOfItsPlan) {
  ApiDesk d;
  d.plans.limits.monthly_requests = 9000;
  EXPECT_EQ(d.get(), "200 " + ApiDesk::limits("null", "9000"));
}

TEST(QuotasApi, APatchChangesWhatItNamesAndNullClearsALimit) {
  ApiDesk d;
  EXPECT_EQ(d.patch(R"({"daily_requests_limit":500,"soft_cap_ratio":0.5})"),
            "200 " + ApiDesk::limits("500", "null", "0.5"));
  EXPECT_EQ(d.patch(R"({"monthly_requests_limit":"7","hard_cap_enabled":false})"),
            "200 " + ApiDesk::limits("500", "7", "0.5", "false"));
  EXPECT_EQ(d.patch(R"({"daily_requests_limit":null})"), "200 " + ApiDesk::limits("null", "7", "0.5", "false"));
  EXPECT_EQ(d.get(), "200 " + ApiDesk::limits("null", "7", "0.5", "false"));
}

TEST(QuotasApi, NullLeavesTheRatioAndTheMode) {
  ApiDesk d;
  d.patch(R"({"soft_cap_ratio":0.5,"hard_cap_enabled":false})");
  EXPECT_EQ(d.patch(R"({"soft_cap_ratio":null,"hard_cap_enabled":null,"daily_requests_limit":1})"),
            "200 " + ApiDesk::limits("1", "null", "0.5", "false"));
}

TEST(QuotasApi, AnEmptyPatchChangesAndAuditsNothing) {
  ApiDesk d;
  d.plans.limits.daily_requests = 3;
  EXPECT_EQ(d.patch("{}"), "200 " + ApiDesk::limits("3", "null"));
  EXPECT_EQ(d.audit.size(), 0U);
  d.plans.limits.daily_requests = 4;
  EXPECT_EQ(d.get(), "200 " + ApiDesk::limits("4", "null")) << "no row was made";
}

TEST(QuotasApi, TheFirstPatchStartsFromThePlanAndThenThePlanNoLongerMatters) {
  ApiDesk d;
  d.plans.limits.monthly_requests = 9000;
  EXPECT_EQ(d.patch(R"({"daily_requests_limit":10})"), "200 " + ApiDesk::limits("10", "9000"));
  d.plans.limits.monthly_requests = 1;
  EXPECT_EQ(d.get(), "200 " + ApiDesk::limits("10", "9000"));
}

TEST(QuotasApi, APatchIsAuditedWithBeforeAndAfter) {
  ApiDesk d;
  d.patch(R"({"daily_requests_limit":500})");
  const audit::Event event = d.audit.last();
  EXPECT_EQ(event.event_type, "quota.limits.updated");
  EXPECT_EQ(event.tenant_id, "t1");
  EXPECT_EQ(event.resource_type, "quota");
  EXPECT_EQ(event.resource_id, "t1");
  EXPECT_EQ(
      json::write(event.metadata),
      R"({"before":{"daily_requests_limit":null,"monthly_requests_limit":null,"daily_tokens_limit":null,"monthly_tokens_limit":null,"soft_cap_ratio":0.8,"hard_cap_enabled":true},)"
      R"("after":{"daily_requests_limit":500,"monthly_requests_limit":null,"daily_tokens_limit":null,"monthly_tokens_limit":null,"soft_cap_ratio":0.8,"hard_cap_enabled":true}})");
  std::string stored;
  audit::append_metadata(stored, event.event_type, event.metadata);
  EXPECT_EQ(stored.find("REDACTED"), std::string::npos) << stored;
}

TEST(QuotasApi, APatchHoldsForTheNextRequest) {
  ApiDesk d;
  EXPECT_TRUE(charge(*d.books, d.clock));
  d.patch(R"({"daily_requests_limit":2})");
  EXPECT_TRUE(charge(*d.books, d.clock));
  EXPECT_FALSE(charge(*d.books, d.clock));
  d.patch(R"({"daily_requests_limit":0})");
  EXPECT_FALSE(charge(*d.books, d.clock));
  d.patch(R"({"daily_requests_limit":null})");
  EXPECT_TRUE(charge(*d.books, d.clock));
}

TEST(QuotasApi, AnotherTenantsQuotaIsForbidden) {
  ApiDesk d;
  const std::string refusal = "AUTH_FORBIDDEN: Tenant scope does not match admin key";
  EXPECT_EQ(d.get("t2"), refusal);
  EXPECT_EQ(d.patch(R"({"daily_requests_limit":1})", "t2"), refusal);
  EXPECT_EQ(d.usage({{"start", "2026-02-17"}}, "t2"), refusal);
}

TEST(QuotasApi, OnlyOperatorsChangeQuotasWhenTheyAreNamed) {
  ApiDesk d;
  d.operators.everybody = false;
  EXPECT_EQ(d.patch(R"({"daily_requests_limit":1})"), "AUTH_FORBIDDEN: Platform operator required");
  EXPECT_EQ(d.get(), "200 " + ApiDesk::limits("null", "null"));
  EXPECT_EQ(d.patch(R"({"daily_requests_limit":1})", "t1", "ops"), "200 " + ApiDesk::limits("1", "null"));
  EXPECT_EQ(d.get("t1", "ops"), "200 " + ApiDesk::limits("1", "null"));
  EXPECT_EQ(d.audit.last().tenant_id, "t1");
  EXPECT_EQ(d.audit.last().metadata.at("operator_tenant"), "ops");
}

TEST(QuotasApi, BoundsAreThoseOfTheContract) {
  ApiDesk d;
  for (const char* body :
       {R"({"daily_requests_limit":-1})", R"({"monthly_requests_limit":-1})", R"({"daily_tokens_limit":-1})",
        R"({"monthly_tokens_limit":-1})", R"({"soft_cap_ratio":1.01})", R"({"soft_cap_ratio":-0.1})",
        R"({"hard_cap_enabled":"maybe"})", R"({"daily_requests_limit":1.5})"})
    EXPECT_TRUE(d.patch(body).starts_with("REQUEST_VALIDATION_ERROR: Validation error")) << body;
  EXPECT_TRUE(d.patch(R"({"daily_requests_limit":0,"soft_cap_ratio":0})").starts_with("200 "));
  EXPECT_TRUE(d.patch(R"({"soft_cap_ratio":1})").starts_with("200 "));
}

TEST(QuotasApi, UsageOfADayAndOfItsMonth) {
  ApiDesk d;
  EXPECT_TRUE(charge(*d.books, d.clock, http::RouteClass::kRun));
  d.books->add(tenant(), 11, d.clock.now());
  EXPECT_EQ(
      d.usage({{"start", "2026-02-17"}}),
      R"(200 {"tenant_id":"t1","period_type":"day","period_start":"2026-02-17T00:00:00+00:00","requests_count":3,)"
      R"("estimated_tokens_count":11})");
  d.books->flush();
  EXPECT_EQ(
      d.usage({{"start", "2026-02-28"}, {"period", "month"}}),
      R"(200 {"tenant_id":"t1","period_type":"month","period_start":"2026-02-01T00:00:00+00:00","requests_count":3,)"
      R"("estimated_tokens_count":11})");
  EXPECT_EQ(
      d.usage({{"start", "2026-02-16"}}),
      R"(200 {"tenant_id":"t1","period_type":"day","period_start":"2026-02-16T00:00:00+00:00","requests_count":0,)"
      R"("estimated_tokens_count":null})");
}

TEST(QuotasApi, UsageAsksForADateAndAKnownPeriod) {
  ApiDesk d;
  EXPECT_NE(d.usage({}).find(R"("type":"missing","loc":["query","start"])"), std::string::npos) << d.usage({});
  EXPECT_NE(d.usage({{"start", "yesterday"}}).find("date_from_datetime_parsing"), std::string::npos);
  EXPECT_NE(d.usage({{"start", "2026-02-17"}, {"period", "year"}}).find("string_pattern_mismatch"), std::string::npos);
}

TEST(QuotasApi, OperationIdsAreThoseOfTheOriginal) {
  ApiDesk d;
  std::set<std::string> names;
  for (const http::Endpoint& row : d.rows) names.insert(std::string(row.spec.operation));
  EXPECT_EQ(names, (std::set<std::string>{"get_quota_limits", "patch_quota_limits", "get_usage_summary"}));
}

TEST(CounterPruner, OldCountersGoAndCurrentPeriodsStayWhateverTheSetting) {
  ApiDesk d;
  const Timestamp start = d.clock.now();
  for (const std::string id : {"t1", "t2"})
    EXPECT_TRUE(charge(*d.books, d.clock, http::RouteClass::kRead, nullptr, id));
  d.books->flush();
  d.clock.advance_s(9 * 86'400);  // 26 February
  for (const std::string id : {"t1", "t2"})
    EXPECT_TRUE(charge(*d.books, d.clock, http::RouteClass::kRead, nullptr, id));
  d.books->flush();
  const CounterPruner pruner(*d.database, d.clock);
  EXPECT_EQ(pruner.prune(tenant(), 1), 1);
  EXPECT_EQ(stored(*d.database, Period::kDay, start).requests, 0);
  EXPECT_EQ(stored(*d.database, Period::kDay, d.clock.now()).requests, 1);
  EXPECT_EQ(stored(*d.database, Period::kMonth, start).requests, 2);
  EXPECT_EQ(pruner.prune_all(10), 0);
  EXPECT_EQ(pruner.prune_all(1), 1);
  d.clock.advance_s(120 * 86'400);
  EXPECT_EQ(pruner.prune_all(121), 2) << "the months; the days are younger";
}

TEST(QuotasRepository, EveryStatementPrepares) {
  ApiDesk d;
  EXPECT_TRUE(d.database->check_statements(quotas_statements()).empty());
}

}  // namespace
}  // namespace nexus::quotas
