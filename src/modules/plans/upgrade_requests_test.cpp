#include "modules/plans/upgrade_requests.h"

#include "modules/plans/plans_fixture.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace nexus::plans {
namespace {

using enum http::Verb;

struct WorkflowDesk : PlansDesk {
  std::string ask(const std::string& tenant_id = "t1", const std::string& target = "pro") {
    const auto answer =
        send(kPost, "/self-serve/plan/upgrade-request", R"({"target_plan":")" + target + R"("})", tenant_id);
    return std::to_string(answer.body.at("request_id").as_int64());
  }
  Answer approve(const std::string& id, const std::string& by = "t1", const std::string& body = {}) {
    return send(kPost, "/admin/plan-upgrade-requests/" + id + "/approve", body, by);
  }
  Answer reject(const std::string& id, const std::string& by = "t1", const std::string& body = {}) {
    return send(kPost, "/admin/plan-upgrade-requests/" + id + "/reject", body, by);
  }
  /// "1 t1 pending; …", then the next page.
  std::string listed(const std::string& query = {}, const std::string& by = "t1") {
    const auto answer = send(kGet, "/admin/plan-upgrade-requests" + query, {}, by);
    if (answer.status != 200) return answer.code + ": " + answer.message;
    std::string out;
    for (const boost::json::value& item : answer.body.at("items").as_array())
      out += json::write(item.at("id")) + " " + std::string(item.at("tenant_id").as_string()) + " " +
             std::string(item.at("status").as_string()) + "; ";
    return out + json::write(answer.body.at("next_after"));
  }
};

TEST(UpgradeWorkflow, ApprovalAssignsThePlanInOneStep) {
  WorkflowDesk d;
  const std::string id = d.ask();
  d.t.audit.clear();
  d.outbox.items.clear();
  d.t.clock.advance_s(5);
  const auto answer = d.approve(id, "t1", R"({"reason":"welcome"})");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.text(),
            R"({"id":1,"tenant_id":"t1","current_plan":"free","target_plan":"pro","reason":null,"status":"approved",)"
            R"("requested_by_actor_id":"key-t1","created_at":"2026-02-17T10:00:00+00:00",)"
            R"("updated_at":"2026-02-17T10:00:05+00:00","decided_by_actor_id":"key-t1","decision_reason":"welcome",)"
            R"("decided_at":"2026-02-17T10:00:05+00:00"})");
  EXPECT_EQ(d.cache.plan_id(tenant()), "pro");
  EXPECT_EQ(d.t.audit.count("plan.assigned"), 1U);
  const audit::Event event = d.t.audit.last();
  EXPECT_EQ(event.event_type, "plan.upgrade_approved");
  EXPECT_EQ(event.resource_type, "plan");
  EXPECT_EQ(event.resource_id, id);
  EXPECT_EQ(event.metadata,
            (boost::json::object{{"current_plan", "free"}, {"target_plan", "pro"}, {"reason", "welcome"}}));
  ASSERT_EQ(d.outbox.items.size(), 1U);
  EXPECT_EQ(d.outbox.items[0].event_type, "billing.upgrade_approved");
}

TEST(UpgradeWorkflow, RejectionLeavesThePlan) {
  WorkflowDesk d;
  const std::string id = d.ask();
  const auto answer = d.reject(id);  // without a body
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body.at("status"), "rejected");
  EXPECT_EQ(answer.body.at("decision_reason"), nullptr);
  EXPECT_EQ(d.cache.plan_id(tenant()), "free");
  EXPECT_EQ(d.t.audit.count("plan.assigned"), 0U);
  EXPECT_EQ(d.t.audit.last().event_type, "plan.upgrade_rejected");
  EXPECT_EQ(d.outbox.items.back().event_type, "billing.upgrade_rejected");
}

TEST(UpgradeWorkflow, ARequestIsDecidedOnce) {
  WorkflowDesk d;
  const std::string id = d.ask();
  EXPECT_EQ(d.reject(id).status, 200);
  const std::size_t audited = d.t.audited();
  for (const auto& again : {d.approve(id), d.reject(id)}) {
    EXPECT_EQ(again.status, 409);
    EXPECT_EQ(again.code, "CONFLICT");
    EXPECT_EQ(again.message, "Upgrade request is not pending");
    EXPECT_EQ(again.text(), R"({"status":"rejected"})");
  }
  EXPECT_EQ(d.t.audited(), audited);
  EXPECT_EQ(d.cache.plan_id(tenant()), "free");
}

TEST(UpgradeWorkflow, OfManyApprovalsAtOnceOneWins) {
  WorkflowDesk d;
  const std::int64_t id = std::stoll(d.ask());
  std::atomic<int> won{0};
  std::atomic<int> conflicts{0};
  std::vector<std::thread> deciders;
  for (int i = 0; i < 8; ++i)
    deciders.emplace_back([&, i] {
      try {
        (void)d.upgrades.decide(tenant(), id, i % 2 == 0 ? Decision::kApprove : Decision::kReject, std::nullopt,
                                PlansDesk::actor());
        ++won;
      } catch (const ApiError& e) {
        if (e.kind() == errors::kConflict) ++conflicts;
      }
    });
  for (std::thread& decider : deciders) decider.join();
  EXPECT_EQ(won, 1);
  EXPECT_EQ(conflicts, 7);
  EXPECT_EQ(d.t.audit.count("plan.upgrade_approved") + d.t.audit.count("plan.upgrade_rejected"), 1U);
  EXPECT_EQ(d.t.audit.count("plan.assigned"), d.t.audit.count("plan.upgrade_approved"));
}

TEST(UpgradeWorkflow, APlanThatIsGoneCannotBeApproved) {
  WorkflowDesk d;
  const std::string id = d.ask();
  d.sql("UPDATE plans SET is_active = FALSE WHERE id = 'pro'");
  const auto answer = d.approve(id);
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.message, "Plan not found");
  EXPECT_EQ(d.listed(), "1 t1 pending; null");
  EXPECT_EQ(d.t.audit.count("plan.upgrade_approved"), 0U);
}

TEST(UpgradeWorkflow, ForThePlanThatTheTenantHasChangesNothingElse) {
  WorkflowDesk d;
  d.assign("pro");
  const std::string id = d.ask();
  EXPECT_EQ(d.approve(id).status, 200);
  EXPECT_EQ(d.t.audit.count("plan.assigned"), 1U);  // the first
}

TEST(UpgradeWorkflow, ForeignRequestsDoNotExist) {
  WorkflowDesk d;
  const std::string theirs = d.ask("t2");
  for (const std::string& id : {theirs, std::string("99")}) {
    for (const auto& answer : {d.approve(id), d.reject(id)}) {
      EXPECT_EQ(answer.status, 404) << id;
      EXPECT_EQ(answer.message, "Upgrade request not found") << id;
    }
  }
  EXPECT_EQ(d.approve("x").code, "REQUEST_VALIDATION_ERROR");
  EXPECT_EQ(d.listed(), "null");
  EXPECT_EQ(d.listed("?tenant_id=t2"), "AUTH_FORBIDDEN: Tenant scope does not match admin key");
  EXPECT_EQ(d.listed({}, "t2"), "1 t2 pending; null");
}

TEST(UpgradeWorkflow, NamedOperatorsDecideForEverybodyAndTenantsForNobody) {
  WorkflowDesk d;
  d.operators.named = {"platform"};
  const std::string first = d.ask("t1");
  const std::string second = d.ask("t2");
  EXPECT_EQ(d.approve(first).status, 403);
  EXPECT_EQ(d.reject(first).status, 403);
  EXPECT_EQ(d.listed({}, "platform"), "1 t1 pending; 2 t2 pending; null");
  EXPECT_EQ(d.listed("?tenant_id=t2", "platform"), "2 t2 pending; null");
  EXPECT_EQ(d.listed(), "1 t1 pending; null");
  EXPECT_EQ(d.approve(second, "platform").status, 200);
  EXPECT_EQ(d.cache.plan_id(tenant("t2")), "pro");
  EXPECT_EQ(d.t.audit.last().tenant_id, "t2");
  EXPECT_EQ(d.t.audit.last().metadata.at("operator_tenant"), "platform");
  EXPECT_EQ(d.approve("99", "platform").status, 404);
}

TEST(UpgradeWorkflow, ListsByStatusInPages) {
  WorkflowDesk d;
  for (int i = 0; i < 5; ++i) (void)d.ask();
  (void)d.reject("2");
  (void)d.approve("3");
  EXPECT_EQ(d.listed("?status=pending&limit=2"), "1 t1 pending; 4 t1 pending; 4");
  EXPECT_EQ(d.listed("?status=pending&limit=2&after=4"), "5 t1 pending; null");
  EXPECT_EQ(d.listed("?status=rejected"), "2 t1 rejected; null");
  EXPECT_EQ(d.listed("?limit=5"), "1 t1 pending; 2 t1 rejected; 3 t1 approved; 4 t1 pending; 5 t1 pending; null");
  EXPECT_EQ(d.listed("?limit=1&after=4"), "5 t1 pending; null");
  for (const char* query : {"?limit=0", "?limit=201", "?after=-1", "?status=open"})
    EXPECT_EQ(d.listed(query).substr(0, 24), "REQUEST_VALIDATION_ERROR") << query;
}

TEST(PlansRepository, StatementsPrepare) {
  PlansDesk d;
  EXPECT_EQ(d.t.database->check_statements(plans_statements()), std::vector<std::string>{});
  EXPECT_EQ(d.t.database->check_statements(db::cache_versions_statements()), std::vector<std::string>{});
}

}  // namespace
}  // namespace nexus::plans
