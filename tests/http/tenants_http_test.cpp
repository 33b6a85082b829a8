// Two tenants under the same ids never meet.
#include "http/contract_kit.h"

#include <gmock/gmock.h>

#include <functional>
#include <map>

namespace nexus::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// Events are kept for a receiver that is never reached: deliveries exist.
const Changes kBilling{{"BILLING_WEBHOOK_ENABLED", "true"},
                       {"BILLING_WEBHOOK_URL", "http://127.0.0.1:1/"},
                       {"BILLING_WEBHOOK_SECRET", "billing-secret-0123456789abcdef"}};

class TwoTenants : public CorpusTest {
 protected:
  TwoTenants() : CorpusTest(kBilling), other_key_(app_.make_key("admin", "t2")), other_(app_.client(other_key_)) {
    app_.make_corpus("c1", "t2");
    job_ =
        text_of(ingest("Our secret is a turnip.", {{"document_id", "d1"}, {"filename", "ours.txt"}}).at("last_job_id"));
  }
  void give_the_other_the_same_ids() {
    const Response added =
        add_text(other_, "c1", "Their secret is a radish.", {{"document_id", "d1"}, {"filename", "theirs.txt"}});
    ASSERT_EQ(added.status, 202) << added.body;
    (void)app_.wait_for_document(other_, "d1");
  }

  std::string other_key_;
  TestClient other_;
  std::string job_;
};

TEST_F(TwoTenants, DoNotSeeThatAnIdOfTheOtherExists) {
  struct Try {
    const char* verb;
    std::string path;
    const char* body;
  };
  const std::string_view message = "Document not found";
  for (const Try& t : {Try{"GET", "/v1/documents/d1", ""}, Try{"GET", "/v1/documents/d1/content", ""},
                       Try{"GET", "/v1/documents/d1/chunks", ""}, Try{"POST", "/v1/documents/d1/reindex", "{}"},
                       Try{"DELETE", "/v1/documents/d1", ""}}) {
    const Response answer = *t.body ? other_.post(t.path, t.body) : other_.request(t.verb, t.path);
    EXPECT_EQ(answer.status, 404) << t.verb << t.path;
    EXPECT_EQ(message_of(answer), message) << t.verb << t.path;
  }
  EXPECT_EQ(other_.get("/v1/jobs/" + job_).status, 404);
  EXPECT_TRUE(data_of(other_.get("/v1/documents")).as_array().empty());
  EXPECT_TRUE(data_of(other_.get("/v1/documents?corpus_id=c1")).as_array().empty());
  EXPECT_TRUE(hits_of(other_, "c1", "secret turnip").empty());
  EXPECT_EQ(client_.get("/v1/documents/d1").status, 200);
}

/// Every row that takes an id, so that a new one is tried at once: a foreign id and one that nobody has answer alike.
TEST_F(TwoTenants, CannotTellAForeignIdFromNoneOnAnyRow) {
  (void)client_.post("/v1/run", R"({"session_id":"s1","corpus_id":"c1","message":"What is secret?"})");
  const boost::json::value event = data_of(client_.get("/v1/audit/events?limit=1")).at("items").at(0);
  const boost::json::value upgrade =
      data_of(client_.post("/v1/self-serve/plan/upgrade-request", R"({"target_plan":"pro"})"));
  const boost::json::value delivery = data_of(client_.get("/v1/admin/billing/deliveries")).at("items").at(0);
  const boost::json::value key = data_of(client_.get("/v1/self-serve/api-keys")).at("items").at(0);
  const std::map<std::string, std::pair<std::string, std::string>, std::less<>> ids{
      {"{document_id}", {"d1", "nope"}},
      {"{corpus_id}", {"only-ours", "nope"}},
      {"{job_id}", {job_, "nope"}},
      {"{session_id}", {"s1", "nope"}},
      {"{event_id}", {std::to_string(event.at("id").as_int64()), "999999999"}},
      {"{key_id}", {text_of(key.at("key_id")), "nope"}},
      {"{request_id}", {std::to_string(upgrade.at("request_id").as_int64()), "999999999"}},
      {"{delivery_id}", {text_of(delivery.at("delivery_id")), "nope"}},
      {"{tenant_id}", {"t1", "nope"}}};
  const std::map<std::string_view, std::string_view> bodies{
      {"/admin/plans/{tenant_id}", R"({"plan_id":"free"})"},
      {"/admin/plans/{tenant_id}/overrides", R"({"feature_key":"feature.tts","enabled":false})"},
      {"/admin/quotas/{tenant_id}", R"({"daily_requests_limit":0})"}};
  app_.make_corpus("only-ours");
  std::size_t tried = 0;
  for (const http::Endpoint& row : app_.app().endpoints()) {
    const std::string_view path = row.spec.path;
    const auto open = path.find('{');
    if (!row.spec.role || open == std::string_view::npos) continue;
    const std::string_view parameter = path.substr(open, path.find('}') - open + 1);
    const auto known = ids.find(parameter);
    ASSERT_NE(known, ids.end()) << "give this test a foreign id for " << parameter;
    std::vector<Response> answers;
    for (const std::string& id : {known->second.first, known->second.second}) {
      const std::string target = "/v1" + std::string(path.substr(0, open)) + id +
                                 std::string(path.substr(open + parameter.size())) +
                                 (path.starts_with("/admin/usage") ? "?start=2026-01-01" : "");
      const auto body = bodies.find(path);
      const bool json_body = row.spec.body == http::BodyKind::kJson || row.spec.body == http::BodyKind::kOptionalJson;
      answers.push_back(other_.request(http::to_string(row.spec.verb), target,
                                       json_body ? Pairs{{"Content-Type", "application/json"}} : Pairs{},
                                       !json_body             ? ""
                                       : body != bodies.end() ? body->second
                                                              : "{}"));
    }
    // That a path names another tenant than the caller's is no secret; whether it exists is.
    EXPECT_EQ(answers[0].status, parameter == "{tenant_id}" ? 403 : 404)
        << http::to_string(row.spec.verb) << path << answers[0].body;
    EXPECT_EQ(code_of(answers[0]), code_of(answers[1])) << path;
    EXPECT_EQ(message_of(answers[0]), message_of(answers[1])) << path;
    ++tried;
  }
  EXPECT_GT(tried, 10U);
  EXPECT_EQ(client_.get("/v1/documents/d1").status, 200);
  EXPECT_EQ(client_.get("/v1/corpora/only-ours").status, 200);
  EXPECT_EQ(data_of(client_.get("/v1/admin/plans/t1")).at("plan_id"), "enterprise");
  EXPECT_TRUE(data_of(client_.get("/v1/admin/quotas/t1")).at("daily_requests_limit").is_null());
}

TEST_F(TwoTenants, MayUseTheSameIdsWithoutMeeting) {
  give_the_other_the_same_ids();
  EXPECT_EQ(data_of(client_.get("/v1/documents/d1")).at("filename"), "ours.txt");
  EXPECT_EQ(data_of(other_.get("/v1/documents/d1")).at("filename"), "theirs.txt");
  EXPECT_EQ(client_.get("/v1/documents/d1/content").body, "Our secret is a turnip.");
  EXPECT_EQ(other_.get("/v1/documents/d1/content?format=text").body, "Their secret is a radish.");
  for (TestClient* client : {&client_, &other_}) {
    const bool ours = client == &client_;
    const boost::json::array hits = hits_of(*client, "c1", "secret turnip radish");
    ASSERT_EQ(hits.size(), 1U);
    EXPECT_THAT(text_of(hits[0].at("text")), HasSubstr(ours ? "turnip" : "radish"));
    EXPECT_EQ(data_of(client->get("/v1/documents/d1/chunks")).at("items").as_array().size(), 1U);
    EXPECT_EQ(data_of(client->get("/v1/corpora")).as_array().size(), 1U);
    EXPECT_EQ(data_of(client->get("/v1/corpora/c1")).at("tenant_id"), ours ? "t1" : "t2");
  }
}

TEST_F(TwoTenants, RunAndConverseApartUnderOneSessionId) {
  give_the_other_the_same_ids();
  constexpr std::string_view kAsk = R"({"session_id":"s1","corpus_id":"c1","message":"What is the secret?"})";
  for (TestClient* client : {&client_, &other_}) {
    const std::vector<SseFrame> frames = client->open_stream("/v1/run", kAsk).rest();
    EXPECT_EQ(event_types(frames).back(), "done");
    for (const SseFrame& frame : frames)
      EXPECT_THAT(frame.data, Not(HasSubstr(client == &client_ ? "theirs.txt" : "ours.txt")));
    EXPECT_EQ(data_of(client->get("/v1/sessions/s1/messages")).at("items").as_array().size(), 2U);
    EXPECT_EQ(data_of(client->get("/v1/sessions")).at("items").as_array().size(), 1U);
  }
  EXPECT_EQ(other_.del("/v1/sessions/s1").status, 204);
  EXPECT_EQ(client_.get("/v1/sessions/s1/messages").status, 200) << "only the other's own session went";
}

TEST_F(TwoTenants, ChangeAndDeleteOnlyTheirOwn) {
  give_the_other_the_same_ids();
  EXPECT_EQ(other_.patch("/v1/corpora/c1", R"({"name":"Theirs"})").status, 200);
  EXPECT_EQ(data_of(client_.get("/v1/corpora/c1")).at("name"), "c1 corpus");
  EXPECT_EQ(other_.post("/v1/documents/d1/reindex", R"({"chunk_size_chars":5,"chunk_overlap_chars":0})").status, 202);
  (void)app_.wait_for_document(other_, "d1");
  EXPECT_EQ(data_of(client_.get("/v1/documents/d1")).at("version").as_int64(), 1);
  EXPECT_EQ(other_.del("/v1/documents/d1").status, 204);
  EXPECT_EQ(hits_of(client_, "c1", "turnip").size(), 1U);
  EXPECT_EQ(other_.del("/v1/corpora/c1").status, 204);
  EXPECT_EQ(client_.get("/v1/corpora/c1").status, 200);
  EXPECT_EQ(client_.get("/v1/documents/d1/content").status, 200);
}

TEST_F(TwoTenants, ReadOnlyTheirOwnAudit) {
  give_the_other_the_same_ids();
  const boost::json::array theirs = data_of(other_.get("/v1/audit/events?limit=200")).at("items").as_array();
  EXPECT_FALSE(theirs.empty());
  for (const boost::json::value& event : theirs) EXPECT_EQ(event.at("tenant_id"), "t2");
  const boost::json::value ours = data_of(client_.get("/v1/audit/events?limit=1")).at("items").at(0);
  EXPECT_EQ(other_.get("/v1/audit/events/" + std::to_string(ours.at("id").as_int64())).status, 404);
  const Response foreign = other_.get("/v1/audit/events?tenant_id=t1");
  EXPECT_EQ(foreign.status, 403);
  EXPECT_EQ(message_of(foreign), "Tenant scope does not match admin key");
}
}  // namespace
}  // namespace nexus::testing
