// A write that carries Idempotency-Key happens once; whoever repeats it gets the first answer.
#include "http/contract_kit.h"
#include "support/http_twin.h"

#include <gmock/gmock.h>

#include <array>
#include <latch>
#include <map>
#include <set>
#include <thread>
#include <variant>

namespace nexus::testing {
namespace {

using ::testing::HasSubstr;

Pairs keyed(std::string_view key) {
  return {{"Idempotency-Key", std::string(key)}};
}

bool is_replay(const Response& answer) {
  return answer.header("Idempotency-Replayed") != nullptr;
}

/// The headers that belong to the answer itself, not to the moment and the caller's standing.
std::map<std::string, std::string> own_headers(const Response& answer) {
  std::map<std::string, std::string> out;
  for (const auto& [name, value] : answer.headers)
    if (name != "Date" && name != "Idempotency-Replayed" && !name.starts_with("X-Quota-")) out.emplace(name, value);
  return out;
}

void expect_replay(const Response& first, const Response& again) {
  EXPECT_FALSE(is_replay(first));
  ASSERT_TRUE(is_replay(again)) << again.status << again.body;
  EXPECT_EQ(*again.header("Idempotency-Replayed"), "true");
  EXPECT_EQ(again.status, first.status);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(own_headers(again), own_headers(first)) << "the first request's id, type and length";
}

class IdempotencyHttp : public CorpusTest {
 protected:
  using CorpusTest::CorpusTest;

  std::size_t documents() { return data_of(client_.get("/v1/documents")).as_array().size(); }
  std::size_t keys() { return data_of(client_.get("/v1/self-serve/api-keys")).at("items").as_array().size(); }
  std::size_t events(std::string_view type) {
    return data_of(client_.get("/v1/audit/events?event_type=" + std::string(type))).at("items").as_array().size();
  }
};

constexpr std::string_view kText = R"({"corpus_id":"c1","text":"Our secret is a turnip."})";
constexpr std::string_view kNewKey = R"({"name":"robot","role":"reader"})";

TEST_F(IdempotencyHttp, RepeatsTheAnswerOfAnAddedText) {
  const Response first = client_.post("/v1/documents/text", kText, keyed("k1"));
  ASSERT_EQ(first.status, 202) << first.body;
  (void)settle(first);
  Pairs headers = keyed("k1");
  headers.emplace_back("X-Request-Id", "another");
  expect_replay(first, client_.post("/v1/documents/text", kText, headers));
  EXPECT_EQ(documents(), 1U);
}

TEST_F(IdempotencyHttp, TakesTheSameWordsInAnotherSpellingForTheSame) {
  const Response first = client_.post("/v1/documents/text", kText, keyed("k1"));
  const char* spelled = R"( { "text" : "Our secret is a \u0074urnip." , "overwrite":false, "corpus_id":"c1" } )";
  expect_replay(first, client_.post("/v1/documents/text", spelled, keyed("  k1  ")));
  EXPECT_EQ(documents(), 1U);
}

TEST_F(IdempotencyHttp, RepeatsAnUploadByItsBytes) {
  const auto upload = [&](std::string_view bytes) {
    Multipart form;
    form.field("corpus_id", "c1");
    form.file("file", "a.txt", "text/plain", bytes);
    return client_.upload("/v1/documents", form, keyed("k1"));
  };
  const Response first = upload("Our secret is a turnip.");
  ASSERT_EQ(first.status, 202) << first.body;
  expect_replay(first, upload("Our secret is a turnip."));
  EXPECT_EQ(code_of(upload("Our secret is a radish.")), "IDEMPOTENCY_KEY_CONFLICT");
  EXPECT_EQ(documents(), 1U);
}

TEST_F(IdempotencyHttp, RepeatsADeletionInsteadOfMissingWhatIsGone) {
  ingest("Our secret is a turnip.", {{"document_id", "d1"}});
  const Response first = client_.del("/v1/documents/d1", keyed("k1"));
  ASSERT_EQ(first.status, 204);
  const Response again = client_.del("/v1/documents/d1", keyed("k1"));
  expect_replay(first, again);
  EXPECT_EQ(again.body, "");
  EXPECT_EQ(client_.del("/v1/documents/d1").status, 404);
  EXPECT_EQ(events("documents.deleted"), 1U);
}

TEST_F(IdempotencyHttp, RepeatsAChangeWithoutChangingAgain) {
  const Response first = client_.patch("/v1/corpora/c1", R"({"name":"One"})", keyed("k1"));
  ASSERT_EQ(first.status, 200) << first.body;
  ASSERT_EQ(client_.patch("/v1/corpora/c1", R"({"name":"Two"})").status, 200);
  expect_replay(first, client_.patch("/v1/corpora/c1", R"({"name":"One"})", keyed("k1")));
  EXPECT_EQ(data_of(client_.get("/v1/corpora/c1")).at("name"), "Two");
}

TEST_F(IdempotencyHttp, RepeatsChangesOfLimitsAndPlans) {
  const std::pair<const char*, const char*> changes[] = {
      {"/v1/admin/quotas/t1", R"({"daily_requests_limit":500})"},
      {"/v1/admin/plans/t1", R"({"plan_id":"pro"})"},
      {"/v1/admin/plans/t1/overrides", R"({"feature_key":"feature.tts","enabled":false})"}};
  for (const auto& [path, body] : changes) {
    const Response first = client_.patch(path, body, keyed("k1"));
    ASSERT_EQ(first.status, 200) << path << first.body;
    expect_replay(first, client_.patch(path, body, keyed("k1")));
  }
  EXPECT_EQ(events("plan.assigned"), 2U) << "the test's own and one more";
}

/// True when some file below the folder holds those bytes.
bool on_disk(const std::filesystem::path& folder, std::string_view bytes) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string all{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    if (all.find(bytes) != std::string::npos) return true;
  }
  return false;
}

TEST_F(IdempotencyHttp, RepeatsANewKeyToWhoMadeItAndKeepsItInClearNowhere) {
  const Response first = client_.post("/v1/self-serve/api-keys", kNewKey, keyed("k1"));
  ASSERT_EQ(first.status, 200) << first.body;
  const std::string secret = text_of(data_of(first).at("api_key"));
  expect_replay(first, client_.post("/v1/self-serve/api-keys", kNewKey, keyed("k1")));
  EXPECT_EQ(app_.client(secret).get("/v1/corpora").status, 200);
  EXPECT_EQ(keys(), 3U) << "the client's, the one that made c1, and the new one";
  if (!on_postgres()) {
    EXPECT_TRUE(on_disk(app_.data_dir(), text_of(data_of(first).at("key_id")))) << "the files are looked at";
  }
  EXPECT_FALSE(on_disk(app_.data_dir(), secret));
  EXPECT_FALSE(on_disk(app_.data_dir(), secret.substr(secret.size() - 43)));
}

TEST_F(IdempotencyHttp, RepeatsARevocationWithoutRevokingAgain) {
  const Response made = client_.post("/v1/self-serve/api-keys", kNewKey);
  const std::string path = "/v1/self-serve/api-keys/" + text_of(data_of(made).at("key_id")) + "/revoke";
  const Response first = client_.post(path, "", keyed("k1"));
  ASSERT_EQ(first.status, 200) << first.body;
  expect_replay(first, client_.post(path, "", keyed("k1")));
  EXPECT_EQ(events("selfserve.api_key.revoked"), 1U);
}

TEST_F(IdempotencyHttp, KeepsKeysOfDifferentCallersApart) {
  TestClient colleague = app_.client(app_.make_key());
  TestClient foreigner = app_.client(app_.make_key("admin", "t2"));
  std::set<std::string> made;
  for (TestClient* client : {&client_, &colleague, &foreigner}) {
    const Response answer = client->post("/v1/self-serve/api-keys", kNewKey, keyed("k1"));
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_FALSE(is_replay(answer));
    made.insert(text_of(data_of(answer).at("api_key")));
  }
  EXPECT_EQ(made.size(), 3U);
}

TEST_F(IdempotencyHttp, KeepsTheSameKeyOnOtherRowsApart) {
  ASSERT_EQ(client_.post("/v1/corpora", R"({"id":"c2","name":"x"})", keyed("k1")).status, 201);
  for (const char* path : {"/v1/corpora/c1", "/v1/corpora/c2"}) {
    const Response answer = client_.patch(path, R"({"name":"x"})", keyed("k1"));
    EXPECT_EQ(answer.status, 200);
    EXPECT_FALSE(is_replay(answer)) << path;
  }
}

TEST_F(IdempotencyHttp, RefusesAnotherPayloadUnderTheSameKey) {
  const Response first = client_.post("/v1/self-serve/api-keys", kNewKey, keyed("k1"));
  Pairs headers = keyed("k1");
  headers.emplace_back("X-Request-Id", "req-2");
  const Response other = client_.post("/v1/self-serve/api-keys", R"({"name":"robot","role":"editor"})", headers);
  EXPECT_EQ(other.status, 409);
  EXPECT_EQ(other.body, R"({"error":{"code":"IDEMPOTENCY_KEY_CONFLICT",)"
                        R"("message":"Idempotency-Key already used with different payload"},)"
                        R"("meta":{"request_id":"req-2","api_version":"v1"}})");
  EXPECT_EQ(other.header("Retry-After"), nullptr) << "waiting does not help";
  expect_replay(first, client_.post("/v1/self-serve/api-keys", kNewKey, keyed("k1")));
}

TEST_F(IdempotencyHttp, RunsOneOfManySimultaneousEqualRequests) {
  constexpr std::size_t kMany = 32;
  const std::string key = app_.make_key();
  const std::size_t before = keys();
  std::latch start(kMany);
  std::array<Response, kMany> answers;
  {
    std::vector<std::jthread> threads;
    for (Response& answer : answers)
      threads.emplace_back([&] {
        TestClient client = app_.client(key);
        start.arrive_and_wait();
        answer = client.post("/v1/self-serve/api-keys", kNewKey, keyed("k1"));
      });
  }
  std::size_t fresh = 0;
  std::set<std::string> secrets;
  for (const Response& answer : answers) {
    if (answer.status == 409) {
      EXPECT_EQ(code_of(answer), "IDEMPOTENCY_IN_PROGRESS") << answer.body;
      EXPECT_EQ(*answer.header("Retry-After"), "1");
      continue;
    }
    ASSERT_EQ(answer.status, 200) << answer.body;
    if (!is_replay(answer)) ++fresh;
    secrets.insert(text_of(data_of(answer).at("api_key")));
  }
  EXPECT_EQ(fresh, 1U);
  EXPECT_EQ(secrets.size(), 1U);
  EXPECT_EQ(keys(), before + 1);
  EXPECT_TRUE(is_replay(app_.client(key).post("/v1/self-serve/api-keys", kNewKey, keyed("k1"))));
}

/// A server whose webhook test lasts until the test lets it end.
class IdempotencyInProgressHttp : public ::testing::Test {
 protected:
  IdempotencyInProgressHttp() {
    TwinAnswer held;
    held.hold = true;
    twin_.always(held);
  }

  HttpTwin twin_;
  TestApp app_{Changes{{"BILLING_WEBHOOK_ENABLED", "true"},
                       {"BILLING_WEBHOOK_URL", twin_.url("/hook")},
                       {"BILLING_WEBHOOK_SECRET", "billing-secret-0123456789abcdef"},
                       {"BILLING_WEBHOOK_TIMEOUT_MS", "60000"},
                       {"EXT_CALL_TIMEOUT_MS", "60000"},
                       {"OUTBOUND_ALLOW_PRIVATE", "true"}}};
};

TEST_F(IdempotencyInProgressHttp, IsToldToWhoAsksMeanwhile) {
  constexpr std::string_view kPath = "/v1/self-serve/billing/webhook-test";
  const std::string key = app_.make_key();
  Response first;
  std::jthread slow([&] { first = app_.client(key).post(kPath, "", keyed("k1")); });
  (void)twin_.wait_for_requests(1);
  TestClient client = app_.client(key);
  Pairs headers = keyed("k1");
  headers.emplace_back("X-Request-Id", "req-2");
  const Response meanwhile = client.post(kPath, "", headers);
  EXPECT_EQ(meanwhile.status, 409);
  EXPECT_EQ(code_of(meanwhile), "IDEMPOTENCY_IN_PROGRESS");
  EXPECT_EQ(meanwhile.json().at("meta").at("request_id"), "req-2");
  EXPECT_EQ(*meanwhile.header("Retry-After"), "1");
  twin_.release();
  slow.join();
  ASSERT_EQ(first.status, 200) << first.body;
  expect_replay(first, client.post(kPath, "", keyed("k1")));
  EXPECT_EQ(twin_.requests().size(), 1U);
}

TEST_F(IdempotencyHttp, RepeatsARefusalThatOnlyDependsOnTheRequest) {
  const char* text = R"({"corpus_id":"later","text":"Words."})";
  const Response missing = client_.post("/v1/documents/text", text, keyed("k1"));
  ASSERT_EQ(missing.status, 404) << missing.body;
  app_.make_corpus("later");
  expect_replay(missing, client_.post("/v1/documents/text", text, keyed("k1")));
  EXPECT_EQ(client_.post("/v1/documents/text", text, keyed("k2")).status, 202);

  const char* unknown = R"({"feature_key":"feature.nope","enabled":true})";
  const Response invalid = client_.patch("/v1/admin/plans/t1/overrides", unknown, keyed("k1"));
  ASSERT_EQ(invalid.status, 422);
  EXPECT_EQ(code_of(invalid), "VALIDATION_ERROR");
  expect_replay(invalid, client_.patch("/v1/admin/plans/t1/overrides", unknown, keyed("k1")));
}

TEST_F(IdempotencyHttp, LeavesTheKeyFreeWhenTheRequestCouldNotBeRead) {
  EXPECT_EQ(client_.post("/v1/self-serve/api-keys", R"({"role":"king"})", keyed("k1")).status, 422);
  const Response corrected = client_.post("/v1/self-serve/api-keys", kNewKey, keyed("k1"));
  EXPECT_EQ(corrected.status, 200) << corrected.body;
  EXPECT_FALSE(is_replay(corrected));
}

TEST_F(IdempotencyHttp, IsUnknownOnLegacyPaths) {
  for (int i = 0; i < 2; ++i) {
    const Response answer = client_.post("/documents/text", kText, keyed("k1"));
    EXPECT_EQ(answer.status, 202) << answer.body;
    EXPECT_FALSE(is_replay(answer));
  }
  EXPECT_EQ(documents(), 2U);
  EXPECT_FALSE(is_replay(client_.post("/v1/documents/text", kText, keyed("k1"))));
}

TEST_F(IdempotencyHttp, RefusesAKeyThatIsTooLong) {
  const std::string key(128, 'k');
  EXPECT_EQ(client_.post("/v1/documents/text", kText, keyed(key)).status, 202);
  EXPECT_TRUE(is_replay(client_.post("/v1/documents/text", kText, keyed(" " + key + " "))));
  const Response refused = client_.post("/v1/documents/text", kText, keyed(key + "k"));
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(code_of(refused), "REQUEST_VALIDATION_ERROR");
  const boost::json::value error = refused.json().at("error").at("details").at("errors").at(0);
  EXPECT_EQ(error.at("type"), "string_too_long");
  EXPECT_EQ(error.at("loc"), (boost::json::array{"header", "Idempotency-Key"}));
  EXPECT_EQ(documents(), 1U);
}

TEST_F(IdempotencyHttp, TakesABlankKeyForNone) {
  EXPECT_EQ(client_.post("/v1/documents/text", kText, keyed("  ")).status, 202);
  EXPECT_FALSE(is_replay(client_.post("/v1/documents/text", kText, keyed(""))));
  EXPECT_EQ(documents(), 2U);
}

TEST_F(IdempotencyHttp, RemembersOverARestart) {
  const std::string key = app_.make_key();
  const Response first = app_.client(key).post("/v1/self-serve/api-keys", kNewKey, keyed("k1"));
  ASSERT_EQ(first.status, 200) << first.body;
  app_.restart();
  expect_replay(first, app_.client(key).post("/v1/self-serve/api-keys", kNewKey, keyed("k1")));
}

TEST(IdempotencySwitchedOffHttp, RunsEveryRequest) {
  TestApp app(Changes{{"IDEMPOTENCY_ENABLED", "false"}});
  TestClient client = app.client();
  EXPECT_EQ(client.post("/v1/self-serve/api-keys", kNewKey, keyed("k1")).status, 200);
  const Response again = client.post("/v1/self-serve/api-keys", kNewKey, keyed("k1"));
  EXPECT_EQ(again.status, 200);
  EXPECT_FALSE(is_replay(again));
}

/// A key that is too long shows that a row looks at it, without carrying anything out.
TEST_F(IdempotencyHttp, IsLookedAtByEveryWriteButStreams) {
  std::size_t tried = 0;
  for (const http::Endpoint& row : app_.app().endpoints()) {
    const http::RouteSpec& spec = row.spec;
    if (!spec.role || spec.verb == http::Verb::kGet || std::holds_alternative<http::StreamHandler>(row.run)) continue;
    std::string path = "/v1";
    std::string_view rest = spec.path;
    for (auto open = rest.find('{'); open != std::string_view::npos; open = rest.find('{')) {
      path.append(rest.substr(0, open)).append("1");
      rest.remove_prefix(rest.find('}') + 1);
    }
    path.append(rest);
    const Response answer = client_.request(http::to_string(spec.verb), path, keyed(std::string(129, 'k')));
    EXPECT_EQ(answer.status, 422) << path;
    EXPECT_THAT(answer.body, HasSubstr(R"(["header","Idempotency-Key"])")) << path;
    ++tried;
  }
  EXPECT_GT(tried, 15U);
}

}  // namespace
}  // namespace nexus::testing
