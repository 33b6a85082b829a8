// API keys as tenants and admins manage them.
#include "http/admin_kit.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

namespace nexus::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kKeyMembers =
    "key_id key_prefix name role created_at last_used_at expires_at revoked_at is_active";
constexpr std::string_view kMine = "/v1/self-serve/api-keys";

class KeysHttp : public AdminTest {
 protected:
  explicit KeysHttp(const Changes& changes = {}) : AdminTest(changes) {}

  boost::json::object create(std::string_view body = R"({"name":"ci","role":"reader"})") {
    const Response made = client_.post(kMine, body);
    EXPECT_EQ(made.status, 200) << made.body;
    return data_of(made).as_object();
  }
  static std::string id_of(const boost::json::object& key) { return text_of(key.at("key_id")); }
  static std::string admin_path(const boost::json::object& key) { return "/v1/admin/api-keys/" + id_of(key); }
  Response use(const boost::json::object& key) { return app_.client(text_of(key.at("api_key"))).get("/v1/corpora"); }
  boost::json::array listed(const std::string& path) { return data_of(client_.get(path)).at("items").as_array(); }
};

TEST_F(KeysHttp, CreatesAKeyThatOpensAtOnceAndIsShownOnce) {
  const Response made = client_.post(kMine, R"({"name":"ci","role":"editor","expires_in_days":30,"color":"red"})");
  ASSERT_EQ(made.status, 200) << made.body;
  EXPECT_EQ(members_of(made.json()), "data meta");
  const boost::json::value data = data_of(made);
  EXPECT_EQ(members_of(data), std::string(kKeyMembers) + " api_key");
  const std::string plaintext = text_of(data.at("api_key"));
  const std::string id = text_of(data.at("key_id"));
  EXPECT_EQ(id.size(), 32U);
  EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_TRUE(plaintext.starts_with("nrgk_"));
  EXPECT_EQ(text_of(data.at("key_prefix")), plaintext.substr(0, 12));
  EXPECT_EQ(data.at("name"), "ci");
  EXPECT_EQ(data.at("role"), "editor");
  EXPECT_TRUE(is_moment(data.at("created_at")));
  EXPECT_EQ(*parse_iso(text_of(data.at("expires_at"))) - *parse_iso(text_of(data.at("created_at"))),
            30 * Timestamp::kDay);
  EXPECT_TRUE(data.at("last_used_at").is_null());
  EXPECT_TRUE(data.at("revoked_at").is_null());
  EXPECT_TRUE(data.at("is_active").as_bool());
  EXPECT_EQ(use(data.as_object()).status, 200);

  const boost::json::object event = newest("selfserve.api_key.created");
  EXPECT_EQ(event.at("outcome"), "success");
  EXPECT_EQ(event.at("actor_role"), "admin");
  EXPECT_EQ(event.at("resource_type"), "api_key");
  EXPECT_EQ(event.at("resource_id"), data.at("key_id"));
  EXPECT_EQ(event.at("metadata_json"), (boost::json::object{{"key_id", id}, {"name", "ci"}, {"role", "editor"}}));
  EXPECT_THAT(client_.get("/v1/audit/events?limit=200").body, Not(HasSubstr(plaintext)));
  EXPECT_THAT(client_.get(std::string(kMine)).body, Not(HasSubstr(plaintext)));
}

TEST_F(KeysHttp, TakesANullNameAndNoExpiry) {
  const boost::json::object key = create(R"({"role":"reader","name":null,"expires_in_days":null})");
  EXPECT_TRUE(key.at("name").is_null());
  EXPECT_TRUE(key.at("expires_at").is_null());
  EXPECT_EQ(create(R"({"role":"reader","expires_in_days":"3650"})").at("role"), "reader") << "numbers may be text";
  EXPECT_EQ(create(json::write(boost::json::object{{"role", "admin"}, {"name", std::string(128, 'n')}}))
                .at("name")
                .as_string()
                .size(),
            128U);
}

TEST_F(KeysHttp, RefusesWhatIsNoKey) {
  const std::string path(kMine);
  const std::string long_name = json::write(boost::json::object{{"role", "reader"}, {"name", std::string(129, 'n')}});
  expect_refused(client_, {
                              {"POST", path, R"({"name":"ci"})", 422, kBadInput, "missing at body.role"},
                              {"POST", path, R"({"role":"Admin"})", 422, kBadInput, "literal_error at body.role"},
                              {"POST", path, R"({"role":null})", 422, kBadInput, "literal_error at body.role"},
                              {"POST", path, long_name, 422, kBadInput, "string_too_long at body.name"},
                              {"POST", path, R"({"role":"reader","expires_in_days":0})", 422, kBadInput,
                               "greater_than_equal at body.expires_in_days"},
                              {"POST", path, R"({"role":"reader","expires_in_days":3651})", 422, kBadInput,
                               "less_than_equal at body.expires_in_days"},
                              {"POST", path, R"({"role":"reader","expires_in_days":"soon"})", 422, kBadInput,
                               "int_parsing at body.expires_in_days"},
                              {"POST", path, R"({"role":)", 422, kBadInput, "json_invalid at body.8"},
                          });
  EXPECT_EQ(listed(path).size(), 1U) << "only the key that asks";
}

TEST_F(KeysHttp, AreForAdminsOnly) {
  expect_admins_only({{"POST", std::string(kMine), R"({"role":"reader"})"},
                      {"GET", std::string(kMine)},
                      {"GET", std::string(kMine) + "/inactive-report"},
                      {"POST", std::string(kMine) + "/x/revoke"},
                      {"GET", "/v1/admin/api-keys"},
                      {"PATCH", "/v1/admin/api-keys/x", R"({"name":"n"})"}});
}

TEST_F(KeysHttp, AreNowhereStoredInClear) {
  const Pairs key{{"Idempotency-Key", "make-1"}};
  const Response made = client_.post(kMine, R"({"role":"reader"})", key);
  const std::string plaintext = text_of(data_of(made).at("api_key"));
  const Response again = client_.post(kMine, R"({"role":"reader"})", key);
  EXPECT_EQ(again.body, made.body) << "who lost the answer gets it again";
  EXPECT_EQ(listed(std::string(kMine)).size(), 2U) << "and no second key";
  app_.core().audit->flush();
  if (on_postgres()) return;  // nothing of it is in our files
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(app_.data_dir())) {
    if (!entry.is_regular_file()) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    EXPECT_EQ(bytes.find(plaintext), std::string::npos) << entry.path();
    ++files;
  }
  EXPECT_GT(files, 1U);
}

class LimitedKeysHttp : public KeysHttp {
 protected:
  LimitedKeysHttp() : KeysHttp(Changes{{"SELF_SERVE_MAX_ACTIVE_KEYS", "3"}, {"AUTH_API_KEY_INACTIVE_DAYS", "7"}}) {}
};

TEST_F(LimitedKeysHttp, StopAtTheirLimitAndGoOnWhenOneIsRevoked) {
  (void)create();
  const boost::json::object last = create();
  const Response refused = client_.post(kMine, R"({"name":"more","role":"reader"})");
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(code_of(refused), "KEY_LIMIT_REACHED");
  EXPECT_EQ(message_of(refused), "Maximum active API keys reached");
  EXPECT_EQ(refused.json().at("error").at("details"), (boost::json::object{{"max_active", 3}}));
  const boost::json::object event = newest("selfserve.api_key.created");
  EXPECT_EQ(event.at("outcome"), "failure");
  EXPECT_EQ(event.at("error_code"), "KEY_LIMIT_REACHED");
  EXPECT_EQ(event.at("metadata_json"), (boost::json::object{{"reason", "limit_reached"}, {"max_active", 3}}));
  ASSERT_EQ(client_.post(std::string(kMine) + "/" + id_of(last) + "/revoke", "").status, 200);
  (void)create();
  const Response back = client_.patch(admin_path(last), R"({"active":true})");
  EXPECT_EQ(back.status, 409) << "a key that comes back takes a place too";
  EXPECT_EQ(code_of(back), "KEY_LIMIT_REACHED");
}

TEST_F(LimitedKeysHttp, HoldTheirLimitWhenManyAskAtOnce) {
  std::vector<TestClient> clients;
  for (int i = 0; i < 6; ++i) clients.push_back(app_.client());
  std::atomic<int> made = 0;
  std::vector<std::thread> threads;
  for (TestClient& client : clients)
    threads.emplace_back([&made, &client] {
      if (client.post(kMine, R"({"role":"reader"})").status == 200) ++made;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(made, 2) << "the third place is that of the key that asks";
}

TEST_F(LimitedKeysHttp, ReportIdleOnesByTheConfiguredThreshold) {
  EXPECT_EQ(data_of(client_.get(std::string(kMine) + "/inactive-report")).at("inactive_days_threshold").as_int64(), 7);
}

TEST_F(KeysHttp, AreListedNewestFirstInPages) {
  const std::string second = id_of(create());
  const std::string third = id_of(create(R"({"name":"cd","role":"admin"})"));
  const Response all = client_.get(std::string(kMine));
  ASSERT_EQ(all.status, 200);
  const boost::json::value data = data_of(all);
  EXPECT_EQ(members_of(data), "items next_cursor");
  EXPECT_TRUE(data.at("next_cursor").is_null());
  const boost::json::array& items = data.at("items").as_array();
  ASSERT_EQ(items.size(), 3U);
  EXPECT_EQ(members_of(items[0]), kKeyMembers);
  EXPECT_EQ(text_of(items[0].at("key_id")), third);
  EXPECT_EQ(text_of(items[1].at("key_id")), second);
  EXPECT_EQ(newest("selfserve.api_key.listed").at("metadata_json"), (boost::json::object{{"count", 3}}));

  std::vector<std::string> seen;
  std::string cursor;
  do {
    const boost::json::value page =
        data_of(client_.get(fmt::format("{}?limit=1{}", kMine, cursor.empty() ? "" : "&cursor=" + cursor)));
    ASSERT_EQ(page.at("items").as_array().size(), 1U);
    seen.push_back(text_of(page.at("items").at(0).at("key_id")));
    cursor = page.at("next_cursor").is_null() ? "" : text_of(page.at("next_cursor"));
  } while (!cursor.empty() && seen.size() < 9);
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_EQ(seen[0], third);
  EXPECT_EQ(seen[1], second);
  expect_refused(client_,
                 {{"GET", std::string(kMine) + "?limit=0", "", 422, kBadInput, "greater_than_equal at query.limit"},
                  {"GET", std::string(kMine) + "?limit=1001", "", 422, kBadInput, "less_than_equal at query.limit"}});
  EXPECT_EQ(code_of(client_.get(std::string(kMine) + "?cursor=nope")), "INVALID_CURSOR");
}

TEST_F(KeysHttp, AreRevokedAtOnceAndForGood) {
  const boost::json::object key = create();
  ASSERT_EQ(use(key).status, 200);
  const std::string path = std::string(kMine) + "/" + id_of(key) + "/revoke";
  const Response revoked = client_.request("POST", path);
  ASSERT_EQ(revoked.status, 200) << revoked.body;
  EXPECT_EQ(members_of(data_of(revoked)), kKeyMembers);
  EXPECT_FALSE(data_of(revoked).at("is_active").as_bool());
  EXPECT_TRUE(is_moment(data_of(revoked).at("revoked_at")));
  const Response refused = use(key);
  EXPECT_EQ(refused.status, 401) << "although the gate has just seen the key work";
  EXPECT_EQ(code_of(refused), "AUTH_REVOKED_KEY");
  const Response again = client_.request("POST", path);
  EXPECT_EQ(data_of(again).at("revoked_at"), data_of(revoked).at("revoked_at")) << "the first time stands";
  EXPECT_EQ(events("selfserve.api_key.revoked").size(), 2U);
  EXPECT_EQ(newest("selfserve.api_key.revoked").at("metadata_json"), (boost::json::object{{"key_id", id_of(key)}}));
}

TEST_F(KeysHttp, OfOthersAreUnknown) {
  TestClient other = app_.client(app_.make_key("admin", "t2"));
  const boost::json::value theirs = data_of(other.get(std::string(kMine))).at("items").at(0);
  const std::string id = text_of(theirs.at("key_id"));
  const std::string unknown(32, '0');
  for (const std::string& one : {id, unknown})
    expect_refused(
        client_, {{"POST", std::string(kMine) + "/" + one + "/revoke", "", 404, "NOT_FOUND", "API key not found"},
                  {"PATCH", "/v1/admin/api-keys/" + one, R"({"revoke":true})", 404, "NOT_FOUND", "API key not found"}});
  EXPECT_EQ(other.get("/v1/corpora").status, 200);
  expect_refused(client_,
                 {{"GET", "/v1/admin/api-keys?tenant_id=t2", "", 403, "AUTH_FORBIDDEN", std::string(kForeignScope)}});
}

TEST_F(KeysHttp, KeepTheLastAdminIn) {
  const boost::json::value own = data_of(client_.get(std::string(kMine))).at("items").at(0);
  const std::string id = text_of(own.at("key_id"));
  const std::string why = "This is the last active admin key of the tenant; create another one first";
  expect_refused(client_, {{"POST", std::string(kMine) + "/" + id + "/revoke", "", 409, "CONFLICT", why},
                           {"PATCH", "/v1/admin/api-keys/" + id, R"({"revoke":true})", 409, "CONFLICT", why},
                           {"PATCH", "/v1/admin/api-keys/" + id, R"({"active":false})", 409, "CONFLICT", why},
                           {"PATCH", "/v1/admin/api-keys/" + id, R"({"expires_at":"2020-01-01T00:00:00Z"})", 409,
                            "CONFLICT", why}});
  EXPECT_EQ(client_.get("/v1/corpora").status, 200);
  (void)create(R"({"role":"admin"})");
  EXPECT_EQ(client_.request("POST", std::string(kMine) + "/" + id + "/revoke").status, 200);
  EXPECT_EQ(client_.get("/v1/corpora").status, 401);
}

TEST_F(KeysHttp, AreReportedWhenIdleOrExpired) {
  const boost::json::object fresh = create();
  const boost::json::object expired = create();
  const boost::json::object revoked = create();
  ASSERT_EQ(client_.patch(admin_path(expired), R"({"expires_at":"2020-01-01T00:00:00Z"})").status, 200);
  ASSERT_EQ(client_.patch(admin_path(revoked), R"({"expires_at":"2020-01-01T00:00:00Z","revoke":true})").status, 200);
  const std::string path = std::string(kMine) + "/inactive-report";
  const boost::json::value report = data_of(client_.get(path));
  EXPECT_EQ(members_of(report), "inactive_days_threshold items");
  EXPECT_EQ(report.at("inactive_days_threshold").as_int64(), 90);
  const boost::json::array& items = report.at("items").as_array();
  ASSERT_EQ(items.size(), 1U) << json::write(report);
  EXPECT_EQ(members_of(items[0]),
            "key_id key_prefix name role created_at last_used_at expires_at inactive_days is_expired");
  EXPECT_EQ(items[0].at("key_id"), expired.at("key_id"));
  EXPECT_EQ(items[0].at("expires_at"), "2020-01-01T00:00:00+00:00");
  EXPECT_TRUE(items[0].at("is_expired").as_bool());
  EXPECT_EQ(items[0].at("inactive_days").as_int64(), 0);
  EXPECT_EQ(newest("selfserve.api_key.inactive_reported").at("metadata_json"),
            (boost::json::object{{"inactive_days", 90}, {"count", 1}}));
  EXPECT_EQ(data_of(client_.get(path + "?inactive_days=3650")).at("inactive_days_threshold").as_int64(), 3650);
  expect_refused(client_,
                 {{"GET", path + "?inactive_days=0", "", 422, kBadInput, "greater_than_equal at query.inactive_days"},
                  {"GET", path + "?inactive_days=3651", "", 422, kBadInput, "less_than_equal at query.inactive_days"},
                  {"GET", path + "?inactive_days=x", "", 422, kBadInput, "int_parsing at query.inactive_days"}});
}

TEST_F(KeysHttp, AreListedForAdminsWithTheirAge) {
  const boost::json::object expired = create();
  ASSERT_EQ(client_.patch(admin_path(expired), R"({"expires_at":"2020-01-01T00:00:00Z"})").status, 200);
  const boost::json::value all = data_of(client_.get("/v1/admin/api-keys?tenant_id=t1&inactive_days=12"));
  EXPECT_EQ(members_of(all), "tenant_id inactive_days_threshold items next_cursor");
  EXPECT_EQ(all.at("tenant_id"), "t1");
  EXPECT_EQ(all.at("inactive_days_threshold").as_int64(), 12);
  ASSERT_EQ(all.at("items").as_array().size(), 2U);
  const boost::json::value& newest_key = all.at("items").at(0);
  EXPECT_EQ(members_of(newest_key), std::string(kKeyMembers) + " is_expired inactive_days");
  EXPECT_TRUE(newest_key.at("is_expired").as_bool());
  EXPECT_FALSE(newest_key.at("is_active").as_bool());
  const boost::json::value idle = data_of(client_.get("/v1/admin/api-keys?include_only_inactive=yes"));
  EXPECT_EQ(idle.at("inactive_days_threshold").as_int64(), 90);
  ASSERT_EQ(idle.at("items").as_array().size(), 1U);
  EXPECT_EQ(idle.at("items").at(0).at("key_id"), expired.at("key_id"));
  EXPECT_EQ(data_of(client_.get("/v1/admin/api-keys?limit=1")).at("items").as_array().size(), 1U);
  const std::string path = "/v1/admin/api-keys?";
  expect_refused(
      client_,
      {{"GET", path + "inactive_days=0", "", 422, kBadInput, "greater_than_equal at query.inactive_days"},
       {"GET", path + "inactive_days=3651", "", 422, kBadInput, "less_than_equal at query.inactive_days"},
       {"GET", path + "include_only_inactive=maybe", "", 422, kBadInput, "bool_parsing at query.include_only_inactive"},
       {"GET", path + "cursor=nope", "", 400, "INVALID_CURSOR", "Invalid cursor"}});
}

TEST_F(KeysHttp, ChangeStepByStepAndEachStepIsRecorded) {
  struct Step {
    std::string_view body;
    std::string_view event;
    int use;
    std::string_view code;
  };
  const boost::json::object key = create();
  ASSERT_EQ(use(key).status, 200);
  for (const Step& step : {
           Step{R"({"name":"renamed","expires_at":"2999-01-01T00:00:00+01:00"})", "auth.api_key.updated", 200, ""},
           Step{R"({"active":false})", "auth.api_key.deactivated", 401, "AUTH_REVOKED_KEY"},
           Step{R"({"active":true,"name":null})", "auth.api_key.reactivated", 200, ""},
           Step{R"({"revoke":true})", "auth.api_key.revoked", 401, "AUTH_REVOKED_KEY"},
           Step{R"({"active":true,"expires_at":"2020-01-01T00:00:00Z"})", "auth.api_key.reactivated", 401,
                "AUTH_EXPIRED_KEY"},
           Step{R"({"expires_at":null})", "auth.api_key.updated", 200, ""},
       }) {
    const Response changed = client_.patch(admin_path(key), step.body);
    ASSERT_EQ(changed.status, 200) << step.body << changed.body;
    const boost::json::value shown = data_of(changed);
    EXPECT_EQ(members_of(shown), std::string(kKeyMembers) + " is_expired inactive_days");
    EXPECT_EQ(shown.at("name"), "renamed") << "null leaves a name";
    EXPECT_EQ(shown.at("is_active").as_bool(), step.use == 200) << step.body;
    const Response used = use(key);
    EXPECT_EQ(used.status, step.use) << step.body;
    if (step.use != 200) {
      EXPECT_EQ(code_of(used), step.code) << step.body;
    }
    const boost::json::object event = newest(step.event);
    EXPECT_EQ(event.at("resource_id"), key.at("key_id"));
    EXPECT_EQ(sorted_members_of(event.at("metadata_json")),
              "expires_at last_used_at name revoked_at target_api_key_id");
    EXPECT_EQ(event.at("metadata_json").at("target_api_key_id"), key.at("key_id"));
    EXPECT_EQ(event.at("metadata_json").at("expires_at"), shown.at("expires_at")) << step.body;
  }
}

TEST_F(KeysHttp, RefuseChangesThatMakeNoSense) {
  const std::string path = admin_path(create());
  expect_refused(client_, {{"PATCH", path, R"({"active":true,"revoke":true})", 422, "VALIDATION_ERROR",
                            "Cannot reactivate and revoke in the same request"},
                           {"PATCH", path, R"({"name":""})", 422, kBadInput, "string_too_short at body.name"},
                           {"PATCH", path, json::write(boost::json::object{{"name", std::string(121, 'n')}}), 422,
                            kBadInput, "string_too_long at body.name"},
                           {"PATCH", path, R"({"active":"perhaps"})", 422, kBadInput, "bool_parsing at body.active"},
                           {"PATCH", path, R"({"expires_at":"tomorrow"})", 422, kBadInput,
                            "datetime_from_date_parsing at body.expires_at"},
                           {"PATCH", path, "[]", 422, kBadInput, "model_attributes_type at body"}});
  EXPECT_EQ(client_.patch(path, "{}").status, 200) << "nothing to change is no mistake";
}

class OperatedKeysHttp : public OperatedTest {};

TEST_F(OperatedKeysHttp, AreOpenToOperatorsOfThePlatform) {
  const boost::json::value ours = data_of(client_.post(kMine, R"({"role":"reader"})"));
  const std::string path = "/v1/admin/api-keys/" + text_of(ours.at("key_id"));
  const boost::json::value listed = data_of(operator_.get("/v1/admin/api-keys?tenant_id=t1"));
  EXPECT_EQ(listed.at("tenant_id"), "t1");
  EXPECT_EQ(listed.at("items").as_array().size(), 2U);
  EXPECT_EQ(other_.patch(path, R"({"revoke":true})").status, 404);
  ASSERT_EQ(operator_.patch(path, R"({"revoke":true})").status, 200);
  EXPECT_EQ(app_.client(text_of(ours.at("api_key"))).get("/v1/corpora").status, 401);
  const boost::json::object event = newest("auth.api_key.revoked");
  EXPECT_EQ(event.at("tenant_id"), "t1") << "the tenant sees who did it";
  EXPECT_EQ(event.at("metadata_json").at("operator_tenant"), "ops");
}

}  // namespace
}  // namespace nexus::testing
