// The commands of whoever runs the server: plans, keys, pruning, the audit log for a SIEM. As processes.
#include "e2e/stored_state.h"
#include "e2e/traffic.h"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include <sstream>

namespace nexus::e2e {
namespace {

constexpr std::string_view kAuditEvents = "/v1/audit/events?limit=1";

/// The lines that a command printed, without those of its log.
std::vector<std::string> lines_of(const std::string& output) {
  std::vector<std::string> out;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);)
    if (!line.starts_with(R"({"ts")")) out.push_back(line);
  return out;
}

/// The one JSON object that a command printed.
boost::json::value json_of(const Finished& finished) {
  for (const std::string& line : lines_of(finished.output))
    if (line.starts_with('{')) return boost::json::parse(line);
  throw std::runtime_error("no JSON was printed: " + finished.output);
}

bool feature(const boost::json::value& tenant, std::string_view key) {
  for (const boost::json::value& entry : tenant.at("entitlements").as_array())
    if (entry.at("feature_key").as_string() == boost::json::string_view(key)) return entry.at("enabled").as_bool();
  throw std::runtime_error("no such feature: " + std::string(key));
}

/// Exit code, with the reason on the way.
void expect_refused(Installation& installation, const std::vector<std::string>& arguments, int code,
                    std::string_view reason) {
  const Finished finished = installation.command(arguments);
  EXPECT_EQ(finished.code, code) << finished.output;
  EXPECT_NE(finished.output.find(reason), std::string::npos) << finished.output;
}

TEST(OperatorCommands, PlansAreListedShownAssignedAndOverridden) {
  Installation installation;
  const Finished catalogue = installation.command({"plans", "list", "--json"});
  ASSERT_EQ(catalogue.code, 0) << catalogue.output;
  const boost::json::value plans = json_of(catalogue);
  ASSERT_EQ(plans.at("plans").as_array().size(), 3U);
  for (const boost::json::value& plan : plans.at("plans").as_array())
    EXPECT_EQ(plan.at("features").as_array().size(), 15U);
  const Finished table = installation.command({"plans", "list"});
  EXPECT_NE(table.output.find("feature.audit_access"), std::string::npos) << table.output;

  const Finished nobody = installation.command({"plans", "show", "--tenant", "acme", "--json"});
  ASSERT_EQ(nobody.code, 0) << nobody.output;
  EXPECT_EQ(json_of(nobody).at("plan_id"), "free");
  const Finished assigned = installation.command({"plans", "assign", "--tenant", "acme", "--plan", "pro", "--json"});
  ASSERT_EQ(assigned.code, 0) << assigned.output;
  EXPECT_EQ(json_of(assigned).at("plan_id"), "pro");
  EXPECT_TRUE(feature(json_of(assigned), "feature.tts"));
  const Finished off = installation.command({"plans", "override", "--tenant", "acme", "--feature", "feature.tts",
                                             "--enabled", "off", "--config", R"({"voices":2})", "--json"});
  ASSERT_EQ(off.code, 0) << off.output;
  EXPECT_FALSE(feature(json_of(off), "feature.tts"));
  const Finished shown = installation.command({"plans", "show", "--tenant", "acme", "--json"});
  EXPECT_EQ(json_of(shown), json_of(off)) << "another process sees the same";
  const Finished back = installation.command({"plans", "override", "--tenant", "acme", "--feature", "feature.tts",
                                              "--enabled", "plan", "--config", "plan", "--json"});
  EXPECT_EQ(json_of(back), json_of(assigned)) << "as the plan says again";

  const StoredState database(installation.database());
  EXPECT_EQ(database.number("SELECT count(*) FROM audit_events WHERE event_type = 'plan.assigned'"), 1);
  EXPECT_EQ(database.number("SELECT count(*) FROM audit_events WHERE event_type = 'plan.override.updated'"), 2);
}

TEST(OperatorCommands, AWrongWishChangesNothingAndSaysWhy) {
  Installation installation;
  expect_refused(installation, {"plans", "assign", "--tenant", "acme", "--plan", "gold"}, 1, "Plan not found");
  expect_refused(installation, {"plans", "assign", "--tenant", "acme"}, 2, "--plan");
  expect_refused(installation, {"plans", "override", "--tenant", "acme", "--feature", "feature.x", "--enabled", "on"},
                 1, "Unknown feature_key");
  expect_refused(installation, {"plans", "override", "--tenant", "acme", "--feature", "feature.tts"}, 2, "--enabled");
  expect_refused(installation,
                 {"plans", "override", "--tenant", "acme", "--feature", "feature.tts", "--enabled", "maybe"}, 2,
                 "on, off or plan");
  expect_refused(installation, {"plans", "override", "--tenant", "acme", "--feature", "feature.tts", "--config", "[1]"},
                 2, "--config");
  expect_refused(installation, {"prune", "everything"}, 2, "prune --help");
  expect_refused(installation, {"audit", "export", "--format", "xml"}, 2, "--format");
  EXPECT_EQ(json_of(installation.command({"plans", "show", "--tenant", "acme", "--json"})).at("plan_id"), "free");
}

TEST(OperatorCommands, AKeyBringsItsTenantAPlanOnlyWhenItHasNone) {
  Installation installation;
  const auto create = [&](const std::string& plan) {
    const Finished made = installation.command(
        {"keys", "create", "--tenant", "acme", "--role", "reader", "--name", "n", "--plan", plan, "--json"});
    EXPECT_EQ(made.code, 0) << made.output;
    return std::string(
        json_of(installation.command({"plans", "show", "--tenant", "acme", "--json"})).at("plan_id").as_string());
  };
  EXPECT_EQ(create("pro"), "pro");
  EXPECT_EQ(create("enterprise"), "pro") << "another plan is `plans assign`";
  expect_refused(installation,
                 {"keys", "create", "--tenant", "new", "--role", "reader", "--name", "n", "--plan", "gold"}, 1,
                 "Plan not found");
  const StoredState database(installation.database());
  EXPECT_EQ(database.number("SELECT count(*) FROM api_keys"), 2) << "no key of a tenant that got no plan";
}

TEST(OperatorCommands, ARunningServerFollowsWithinASecond) {
  Server server;
  server.start();
  TestClient client = server.client();
  const auto becomes = [&](int status) {
    const auto begin = std::chrono::steady_clock::now();
    const bool there = eventually([&] { return client.get(kAuditEvents).status == status; }, std::chrono::seconds(10));
    std::printf(
        "followed to %d after %ld ms\n", status,
        static_cast<long>(
            std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin).count()));
    return there;
  };
  const auto change = [&](const std::vector<std::string>& arguments) {
    const Finished done = server.installation().command(arguments);
    ASSERT_EQ(done.code, 0) << done.output;
  };
  ASSERT_EQ(client.get(kAuditEvents).status, 200);
  change({"plans", "override", "--tenant", "t1", "--feature", "feature.audit_access", "--enabled", "off"});
  EXPECT_TRUE(becomes(403));
  change({"plans", "override", "--tenant", "t1", "--feature", "feature.audit_access", "--enabled", "plan"});
  EXPECT_TRUE(becomes(200));
  change({"plans", "assign", "--tenant", "t1", "--plan", "free"});
  EXPECT_TRUE(becomes(403));
  change({"plans", "assign", "--tenant", "t1", "--plan", "pro"});
  EXPECT_TRUE(becomes(200));
  const Response mine = client.get("/v1/self-serve/plan");
  EXPECT_EQ(mine.json().at("data").at("plan_id"), "pro");
  change({"keys", "revoke", server.key().substr(5, 32)});
  EXPECT_TRUE(becomes(401));
  EXPECT_EQ(server.stop(), 0);
}

/// Makes old what a statement names, behind the program's back; returns how much.
std::int64_t make_old(const Installation& installation, const std::string& update) {
  return static_cast<std::int64_t>(
      StoredState(installation.database()).texts("UPDATE " + update + " RETURNING 1").size());
}

TEST(OperatorCommands, PruningRemovesWhatIsOldAndSaysHowMuch) {
  Server server(Environment{{"AUDIT_CHECKPOINT_INTERVAL_S", "1"}, {"AUDIT_RETENTION_DAYS", "1"}});
  Installation& installation = server.installation();
  server.start();
  TestClient client = server.client();
  for (int i = 0; i < 3; ++i) {
    const std::string id = "c" + std::to_string(i);
    EXPECT_EQ(client
                  .post("/v1/corpora",
                        R"({"id":")" + id +
                            R"(","name":"n","provider_config_json":{"retrieval":{"provider":"local_pgvector"}}})",
                        {{"Idempotency-Key", id}})
                  .status,
              201);
  }
  ASSERT_TRUE(eventually([&] {
    return StoredState(installation.database())
               .number("SELECT coalesce(max(seq), 0) FROM audit_checkpoints WHERE tenant_id = 't1'") >= 3;
  }));
  EXPECT_EQ(server.stop(), 0);
  const auto prune = [&](const std::string& what, const std::string& counter) {
    const Finished done = installation.command({"prune", what});
    EXPECT_EQ(done.code, 0) << done.output;
    for (const std::string& line : lines_of(done.output))
      if (line.starts_with(counter + "="))
        return static_cast<std::int64_t>(std::stoll(line.substr(counter.size() + 1)));
    ADD_FAILURE() << done.output;
    return std::int64_t{-1};
  };
  EXPECT_EQ(prune("idempotency", "pruned_idempotency_records"), 0) << "all is young";
  EXPECT_EQ(prune("usage-counters", "pruned_usage_counters"), 0);
  EXPECT_EQ(prune("audit", "pruned_audit_events"), 0);

  EXPECT_EQ(make_old(installation, "idempotency_records SET expires_at = 1 WHERE idem_key <> 'c0'"), 2);
  EXPECT_EQ(prune("idempotency", "pruned_idempotency_records"), 2);
  EXPECT_EQ(make_old(installation, "usage_counters SET period_start = 86400000000"), 2);
  const Finished json = installation.command({"prune", "usage-counters", "--json"});
  EXPECT_EQ(json_of(json).at("pruned_usage_counters"), 2) << json.output;
  EXPECT_EQ(prune("usage-counters", "pruned_usage_counters"), 0);
  EXPECT_EQ(make_old(installation,
                     "audit_events SET occurred_at = 1 WHERE id IN (SELECT event_id FROM audit_chain"
                     " WHERE tenant_id = 't1' AND seq <= 2)"),
            2);
  EXPECT_EQ(prune("audit", "pruned_audit_events"), 2);
  const Finished verified = installation.command({"audit", "verify"});
  EXPECT_EQ(verified.code, 0) << "the chain says that something was pruned, and holds: " << verified.output;
}

TEST(OperatorCommands, TheAuditLogLeavesAsOcsfOneEventALine) {
  Server server;
  Installation& installation = server.installation();
  server.start();
  TestClient client = server.client();
  EXPECT_EQ(client.get("/v1/corpora").status, 200);
  EXPECT_EQ(TestClient(server.port()).get("/v1/corpora", {{"Authorization", "Bearer nonsense"}}).status, 401);
  EXPECT_EQ(server.stop(), 0);

  const auto count = StoredState(installation.database()).number("SELECT count(*) FROM audit_events");
  const Finished printed = installation.command({"audit", "export", "--format", "ocsf"});
  ASSERT_EQ(printed.code, 0) << printed.output;
  const std::vector<std::string> events = lines_of(printed.output);
  ASSERT_EQ(static_cast<std::int64_t>(events.size()), count) << printed.output;
  int logons = 0;
  for (const std::string& line : events) {
    const boost::json::value event = boost::json::parse(line);
    const std::int64_t kind = event.at("class_uid").as_int64();
    EXPECT_TRUE(kind == 3002 || kind == 6003) << line;
    EXPECT_EQ(event.at("type_uid").as_int64(), kind * 100 + event.at("activity_id").as_int64());
    EXPECT_EQ(event.at("metadata").at("version").as_string().empty(), false);
    logons += kind == 3002 ? 1 : 0;
  }
  EXPECT_EQ(logons, 2) << "one let in, one refused";

  const std::filesystem::path file = installation.data() / "events.jsonl";
  const Finished filed =
      installation.command({"audit", "export", "--format", "ocsf", "--tenant", "t1", "--output", file.string()});
  EXPECT_EQ(filed.code, 0) << filed.output;
  const std::vector<std::string> own = lines_of(read_file(file));
  EXPECT_LT(own.size(), events.size()) << "the stranger's failure is the platform's";
  for (const std::string& line : own) EXPECT_EQ(boost::json::parse(line).at("metadata").at("tenant_uid"), "t1") << line;
  expect_refused(installation,
                 {"audit", "export", "--format", "ocsf", "--output", (installation.data() / "none" / "x").string()}, 1,
                 "No such file");
}

}  // namespace
}  // namespace nexus::e2e
