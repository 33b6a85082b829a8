#include "modules/audit/ocsf.h"

#include "json/json.h"
#include "modules/audit/redaction.h"

#include <gtest/gtest.h>

#include <set>

namespace nexus::audit {
namespace {

RowView sample(std::string_view type) {
  return {.id = 991,
          .occurred_at = {1'771'322'400'123'456},
          .tenant_id = "t1",
          .actor_type = "api_key",
          .actor_id = "k1",
          .actor_role = "admin",
          .event_type = type,
          .outcome = "success",
          .created_at = {1'771'322'400'200'000}};
}

std::string ocsf(const RowView& row) {
  std::string out;
  append_ocsf(out, row, {.seq = 7, .event_id = row.id}, "1.2.3");
  return out;
}

constexpr std::string_view kZeros = "0000000000000000000000000000000000000000000000000000000000000000";

TEST(Ocsf, AChangeIsApiActivity) {
  RowView row = sample("corpora.updated");
  row.resource_type = "corpus";
  row.resource_id = "c1";
  row.request_id = "r1";
  row.ip_address = "203.0.113.7";
  row.user_agent = "curl/8 \"x\"";
  row.metadata_json = R"({"updated_fields":["name"]})";
  EXPECT_EQ(
      ocsf(row),
      R"({"class_uid":6003,"category_uid":6,"activity_id":3,"activity_name":"Update","type_uid":600303,)"
      R"("time":1771322400123,"severity_id":1,"status_id":1,)"
      R"("actor":{"user":{"uid":"k1","type":"api_key","type_id":99,"groups":[{"name":"admin"}],"org":{"uid":"t1"}}},)"
      R"("api":{"operation":"corpora.updated","request":{"uid":"r1"}},"resources":[{"type":"corpus","uid":"c1"}],)"
      R"("src_endpoint":{"ip":"203.0.113.7"},"http_request":{"user_agent":"curl/8 \"x\""},)"
      R"("metadata":{"version":"1.3.0","product":{"name":"NexusRAG","vendor_name":"NexusRAG","version":"1.2.3"},)"
      R"("uid":"991","event_code":"corpora.updated","log_name":"audit_events","correlation_uid":"r1",)"
      R"("tenant_uid":"t1","logged_time":1771322400200},"unmapped":{"metadata":{"updated_fields":["name"]},)"
      R"("chain":{"seq":7,"prev_hash":")" +
          std::string(kZeros) + R"(","hash":")" + std::string(kZeros) + R"("}}})");
}

TEST(Ocsf, ARefusedCredentialIsAFailedLogon) {
  RowView row = sample("auth.access.failure");
  row.tenant_id = std::nullopt;
  row.actor_type = "anonymous";
  row.actor_id = std::nullopt;
  row.actor_role = std::nullopt;
  row.outcome = "failure";
  row.error_code = "AUTH_UNAUTHORIZED";
  const boost::json::value event = json::parse(ocsf(row));
  EXPECT_EQ(event.at("class_uid").as_int64(), 3002);
  EXPECT_EQ(event.at("type_uid").as_int64(), 300201);
  EXPECT_EQ(event.at("status_id").as_int64(), 2);
  EXPECT_EQ(event.at("status_code").as_string(), "AUTH_UNAUTHORIZED");
  EXPECT_EQ(event.at("user").at("uid").as_string(), "anonymous");
  EXPECT_EQ(event.at("service").at("name").as_string(), "nexusrag");
  EXPECT_EQ(event.at("src_endpoint").at("svc_name").as_string(), "nexusrag");
  EXPECT_FALSE(event.at("metadata").as_object().contains("tenant_uid"));
}

TEST(Ocsf, EveryEventTypeOfOursIsAnObjectWithTheRequiredMembers) {
  std::size_t others = 0;
  for (const EventRule& rule : event_rules()) {
    const boost::json::value event = json::parse(ocsf(sample(rule.type)));
    const bool authentication = event.at("class_uid").as_int64() == 3002;
    std::set<std::string> required{"activity_id", "category_uid", "class_uid", "metadata",    "severity_id",
                                   "time",        "type_uid",     "status_id", "src_endpoint"};
    authentication ? required.insert({"user", "service"}) : required.insert({"actor", "api"});
    for (const std::string& name : required) EXPECT_TRUE(event.as_object().contains(name)) << rule.type << " " << name;
    const std::int64_t activity = event.at("activity_id").as_int64();
    if (activity == 99) {
      ++others;
      EXPECT_EQ(event.at("activity_name").as_string(), rule.type) << "what OCSF has no word for keeps ours";
    }
  }
  EXPECT_LT(others * 2, event_rules().size()) << "most types mean something to a reader of OCSF";
}

TEST(Ocsf, KindsGoByTypeAndThenByTheLastWord) {
  EXPECT_EQ(ocsf_kind("auth.api_key.created").activity, 1);
  EXPECT_EQ(ocsf_kind("ops.viewed").activity, 2);
  EXPECT_EQ(ocsf_kind("audit.pruned").activity, 4);
  EXPECT_EQ(ocsf_kind("run.invoked").activity, 99);
  EXPECT_EQ(ocsf_kind("created").activity, 1);
  EXPECT_EQ(ocsf_kind("").activity, 99);
  EXPECT_EQ(ocsf_kind("identity.sso.login.success").klass, OcsfClass::kAuthentication);
}

}  // namespace
}  // namespace nexus::audit
