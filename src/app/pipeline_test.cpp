#include "app/pipeline.h"

#include "app/gates_fixture.h"
#include "base/errors.h"
#include "db/database.h"
#include "http/stream.h"
#include "json/json.h"
#include "support/call_fixture.h"

#include <boost/asio/awaitable.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace nexus::app {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

/// Admits an editor of t1; remembers what it was asked; can be told to refuse.
class FakeGate final : public auth::Gate {
 public:
  void authenticate(http::Call& call) override {
    steps.emplace_back("authenticate");
    if (unknown) throw ApiError(errors::kAuthUnauthorized).with_header("WWW-Authenticate", "Bearer");
    call.authenticated({.subject_id = "u", .tenant_id = "t1", .role = Role::kEditor, .credential_id = "k"},
                       testing::TenantScopeFactory::make("t1"));
    call.reply_headers.emplace_back("X-Of-The-Gate", "7");
  }
  [[nodiscard]] bool remembers(const http::Call&) const override { return known; }
  void require_role(const http::Call& call, Role least) override {
    steps.emplace_back("role");
    if (call.principal().role < least) throw ApiError(errors::kAuthForbidden);
  }

  bool unknown = false;
  bool known = false;
  std::vector<std::string> steps;
};

class SilentStream final : public http::EventStream {
 public:
  [[nodiscard]] const http::Pairs& headers() const override { return headers_; }
  boost::asio::awaitable<void> run(http::EventSink&) override { co_return; }

 private:
  http::Pairs headers_;
};

using Changes = std::vector<std::pair<std::string, std::string>>;

/// One request through a pipeline, with a handler that the test gives.
struct Passage {
  explicit Passage(const Changes& changes = {}) : settings(config::settings_with(changes)) {
    endpoint.spec = {.verb = http::Verb::kPost,
                     .path = "/run",
                     .operation = "run",
                     .role = Role::kReader,
                     .route_class = http::RouteClass::kRun};
    endpoint.run = http::PlainHandler([this](http::Call& call, const http::AfterDecode& after_decode) -> http::Reply {
      if (invalid) throw ApiError(errors::kRequestValidationError);
      if (std::optional<http::Reply> stored = after_decode(call, http::Decoded{})) return *stored;
      gate.steps.emplace_back("handler");
      others.steps.emplace_back("handler");
      return handler(call);
    });
    exchange.request = testing::make_request("/v1/run");
    exchange.request_id = "req-9";
    exchange.endpoint = &endpoint;
  }

  testing::FakeClock clock;
  observe::Metrics metrics;
  config::Settings settings;
  FakeGate gate;
  http::Endpoint endpoint;
  std::function<http::Reply(http::Call&)> handler = [](http::Call&) { return http::Reply::json(R"({"ok":true})"); };
  bool invalid = false;  ///< the body does not decode
  http::Exchange exchange;
  FakeGates others;
  Pipeline pipeline{others.with(gate), settings, clock, {.metrics = metrics, .clock = clock}};

  void body(std::string text, std::string type = "application/json") {
    exchange.request.headers.emplace_back("Content-Type", std::move(type));
    exchange.request.body = std::move(text);
  }
  void legacy(std::string path = "/run") {
    exchange.request.path = std::move(path);
    exchange.versioned = false;
  }
  const http::Reply& go() {
    pipeline.admit(exchange);
    if (!exchange.answered) pipeline.execute(exchange);
    EXPECT_TRUE(exchange.answered);
    return exchange.reply;
  }
  [[nodiscard]] std::string code() const {
    return std::string(json::parse(exchange.reply.body).at("error").at("code").as_string());
  }
};

struct NameCase {
  const char* body;
  bool named;
};

TEST(NamesTenant, FindsTheMemberHoweverItIsWritten) {
  for (const NameCase& row : {NameCase{R"({"tenant_id":"x"})", true},
                              {R"({ "a" : [1] , "tenant_id" : null })", true},
                              {R"({"\u0074enant_id":1})", true},
                              {R"({"tenant\u005fid":1})", true},
                              {R"({"\u0074\u0065\u006e\u0061\u006e\u0074\u005f\u0069\u0064":1})", true},
                              {R"({"a":{"tenant_id":"x"}})", false},
                              {R"({"a":"tenant_id"})", false},
                              {R"({"a":"\"tenant_id\":1"})", false},
                              {R"(["tenant_id"])", false},
                              {R"("tenant_id")", false},
                              {R"({"tenant_id":)", false},
                              {R"({"TENANT_ID":1})", false},
                              {R"({"tenant_id ":1})", false},
                              {R"({"\\u0074enant_id":1})", false},
                              {"", false},
                              {"tenant_id", false}})
    EXPECT_EQ(names_tenant(row.body), row.named) << row.body;
}

TEST(Pipeline, AuthenticatesThenAsksForTheRoleThenRunsTheHandler) {
  Passage p;
  EXPECT_EQ(p.go().status, 200);
  EXPECT_THAT(p.gate.steps, ElementsAre("authenticate", "role", "handler"));
  EXPECT_EQ(p.exchange.call->request_id, "req-9");
  EXPECT_EQ(p.exchange.call->now, p.clock.now());
}

TEST(Pipeline, LooksAtNoCredentialOnAPublicRow) {
  Passage p;
  p.endpoint.spec.role = std::nullopt;
  EXPECT_EQ(p.go().status, 200);
  EXPECT_THAT(p.gate.steps, ElementsAre("handler"));
}

TEST(Pipeline, AStrangerIsRefusedBeforeAnythingElse) {
  Passage p(Changes{{"KILL_RUN", "true"}});
  p.gate.unknown = true;
  p.endpoint.spec.kill_switch = "kill.run";
  p.endpoint.spec.forbids_tenant_in_body = true;
  p.body(R"({"tenant_id":"t2"})");
  EXPECT_EQ(p.go().status, 401);
  EXPECT_THAT(p.gate.steps, ElementsAre("authenticate"));
  EXPECT_THAT(p.exchange.reply.headers, Contains(Pair("WWW-Authenticate", "Bearer")));
}

TEST(Pipeline, TheKillSwitchComesBeforeTheRole) {
  Passage p(Changes{{"KILL_RUN", "true"}});
  p.endpoint.spec.kill_switch = "kill.run";
  p.endpoint.spec.role = Role::kAdmin;
  EXPECT_EQ(p.go().status, 503);
  EXPECT_EQ(p.code(), "FEATURE_TEMPORARILY_DISABLED");
  EXPECT_THAT(p.exchange.reply.body, HasSubstr("Run is temporarily disabled"));
  EXPECT_THAT(p.gate.steps, ElementsAre("authenticate"));
}

TEST(Pipeline, AKillSwitchStopsOnlyItsOwnRows) {
  Passage run(Changes{{"KILL_INGEST", "true"}});
  run.endpoint.spec.kill_switch = "kill.run";
  EXPECT_EQ(run.go().status, 200);
  Passage ingest(Changes{{"KILL_INGEST", "true"}});
  ingest.endpoint.spec.kill_switch = "kill.ingest";
  EXPECT_EQ(ingest.go().status, 503);
  EXPECT_THAT(ingest.exchange.reply.body, HasSubstr("Ingestion is temporarily disabled"));
}

TEST(Pipeline, ARoleThatIsTooLowEndsTheRequest) {
  Passage p;
  p.endpoint.spec.role = Role::kAdmin;
  EXPECT_EQ(p.go().status, 403);
  EXPECT_THAT(p.gate.steps, ElementsAre("authenticate", "role"));
}

TEST(Pipeline, ATenantInTheBodyIsRefusedAfterAuthenticationAndBeforeTheHandler) {
  Passage p;
  p.endpoint.spec.forbids_tenant_in_body = true;
  p.body(R"({"tenant\u005fid":"t2"})", "Application/JSON; charset=utf-8");
  EXPECT_EQ(p.go().status, 400);
  EXPECT_EQ(p.code(), "TENANT_ID_NOT_ALLOWED");
  EXPECT_THAT(p.gate.steps, ElementsAre("authenticate"));
}

TEST(Pipeline, ATenantInTheBodyIsFineWhereTheRowAllowsIt) {
  Passage p;
  p.body(R"({"tenant_id":"t2"})");
  EXPECT_EQ(p.go().status, 200);
}

TEST(Pipeline, WrapsAPayloadUnderV1AndLeavesItBareOnLegacyPaths) {
  Passage versioned;
  EXPECT_EQ(versioned.go().body, R"({"data":{"ok":true},"meta":{"request_id":"req-9","api_version":"v1"}})");
  Passage old;
  old.legacy();
  EXPECT_EQ(old.go().body, R"({"ok":true})");
}

TEST(Pipeline, WrapsNeitherRawRepliesNorRowsWithoutEnvelopeNorFailures) {
  Passage raw;
  raw.handler = [](http::Call&) { return http::Reply::raw("text", "text/plain"); };
  EXPECT_EQ(raw.go().body, "text");
  Passage bare;
  bare.endpoint.spec.enveloped = false;
  EXPECT_EQ(bare.go().body, R"({"ok":true})");
  Passage failed;
  failed.handler = [](http::Call&) { return http::Reply::json(R"({"ok":false})", 503); };
  EXPECT_EQ(failed.go().body, R"({"ok":false})");
}

TEST(Pipeline, EveryAnswerCarriesTheRequestIdAndTheHeadersOfTheGates) {
  Passage good;
  good.go();
  EXPECT_EQ(
      good.exchange.reply.headers,
      (http::Pairs{{"X-Of-The-Gate", "7"}, {"RateLimit", "r"}, {"X-Quota-Day-Used", "1"}, {"X-Request-Id", "req-9"}}));
  Passage bad;
  bad.handler = [](http::Call&) -> http::Reply { throw ApiError(errors::kNotFound, "Corpus not found"); };
  EXPECT_EQ(bad.go().status, 404);
  EXPECT_EQ(bad.exchange.reply.headers,
            (http::Pairs{{"X-Of-The-Gate", "7"}, {"RateLimit", "r"}, {"X-Request-Id", "req-9"}}))
      << "what is left of a quota is told with a success only";
  EXPECT_EQ(json::parse(bad.exchange.reply.body).at("meta").at("request_id").as_string(), "req-9");
}

TEST(Pipeline, ASecondAnswerRepeatsNoHeaderThatWasMovedAway) {
  Passage p;
  p.go();
  p.exchange.reply = http::Reply();
  p.pipeline.refuse(p.exchange, ApiError(errors::kNotFound));  // the file of the first has vanished
  EXPECT_EQ(p.exchange.reply.headers, (http::Pairs{{"X-Request-Id", "req-9"}}));
}

TEST(Pipeline, LegacyAnswersAreDeprecatedAlsoWhenTheyAreRefusals) {
  for (const bool works : {true, false}) {
    Passage p(Changes{{"API_LEGACY_SUNSET", "Sun, 10 May 2026 00:00:00 GMT"}});
    p.legacy();
    if (!works) p.handler = [](http::Call&) -> http::Reply { throw ApiError(errors::kNotFound, "Corpus not found"); };
    p.go();
    EXPECT_THAT(p.exchange.reply.headers, Contains(Pair("Deprecation", "true")));
    EXPECT_THAT(p.exchange.reply.headers, Contains(Pair("Sunset", "Sun, 10 May 2026 00:00:00 GMT")));
    EXPECT_THAT(p.exchange.reply.headers, Contains(Pair("Link", "</v1/docs>; rel=\"successor-version\"")));
    EXPECT_EQ(p.exchange.reply.body, works ? R"({"ok":true})" : R"({"detail":"Corpus not found"})");
  }
}

TEST(Pipeline, DeprecatesEveryPathButTheOnesTheContractNames) {
  for (const auto& [path, deprecated] : std::vector<std::pair<const char*, bool>>{{"/", false},
                                                                                  {"/v1/nothing", false},
                                                                                  {"/docs", false},
                                                                                  {"/openapi.json", false},
                                                                                  {"/redoc", false},
                                                                                  {"/api/stats", false},
                                                                                  {"/api/benchmark-latest", false},
                                                                                  {"/livez", false},
                                                                                  {"/readyz", false},
                                                                                  {"/health", true},
                                                                                  {"/healthz", true},
                                                                                  {"/metrics", true},
                                                                                  {"/api/heartbeat", true},
                                                                                  {"/nothing", true},
                                                                                  {"/V1/run", true}}) {
    Passage p;
    p.exchange.endpoint = nullptr;
    p.legacy(path);
    p.pipeline.refuse(p.exchange, ApiError(errors::kNotFound));
    bool found = false;
    for (const auto& [name, value] : p.exchange.reply.headers) found = found || name == "Deprecation";
    EXPECT_EQ(found, deprecated) << path;
  }
}

struct FaultCase {
  db::ErrorCode fault;
  int status;
  const char* code;
};

TEST(Pipeline, DatabaseFaultsHaveCodesAndKeepTheirCauseInside) {
  for (const FaultCase& row : {FaultCase{db::ErrorCode::kFull, 507, "INSUFFICIENT_STORAGE"},
                               {db::ErrorCode::kBusy, 503, "SERVICE_BUSY"},
                               {db::ErrorCode::kUnavailable, 503, "SERVICE_UNAVAILABLE"},
                               {db::ErrorCode::kConstraint, 500, "DB_ERROR"},
                               {db::ErrorCode::kCorrupt, 500, "DB_ERROR"},
                               {db::ErrorCode::kOther, 500, "DB_ERROR"}}) {
    Passage p;
    p.handler = [&](http::Call&) -> http::Reply { throw db::Error(row.fault, "secret table name"); };
    EXPECT_EQ(p.go().status, row.status);
    EXPECT_EQ(p.code(), row.code);
    EXPECT_EQ(p.exchange.reply.body.find("secret"), std::string::npos);
    if (row.fault == db::ErrorCode::kBusy) {
      EXPECT_THAT(p.exchange.reply.headers, Contains(Pair("Retry-After", "1")));
    }
  }
}

TEST(Pipeline, AnUnexpectedExceptionIsAnInternalErrorWithoutItsText) {
  Passage p;
  p.handler = [](http::Call&) -> http::Reply { throw std::runtime_error("secret"); };
  EXPECT_EQ(p.go().status, 500);
  EXPECT_EQ(p.code(), "INTERNAL_ERROR");
  EXPECT_EQ(p.exchange.reply.body.find("secret"), std::string::npos);
}

TEST(Pipeline, AStreamIsHandedOverWithoutAReply) {
  Passage p;
  p.endpoint.run =
      http::StreamHandler([](http::Call&, const http::AfterDecode&) { return std::make_unique<SilentStream>(); });
  p.go();
  EXPECT_TRUE(p.exchange.stream);
  EXPECT_TRUE(p.exchange.reply.body.empty());
  EXPECT_THAT(p.exchange.reply.headers, Contains(Pair("X-Request-Id", "req-9")));
}

TEST(Pipeline, ARefusalDropsTheStream) {
  Passage p;
  p.exchange.stream = std::make_unique<SilentStream>();
  p.pipeline.refuse(p.exchange, ApiError(errors::kServiceBusy));
  EXPECT_FALSE(p.exchange.stream);
  EXPECT_EQ(p.exchange.reply.status, 503);
}

TEST(Pipeline, CountsRequestsByClassAndFamily) {
  Passage p;
  p.go();
  p.exchange.first_byte_us = 2500;
  p.pipeline.finished(p.exchange);
  Passage unmatched;
  unmatched.exchange.endpoint = nullptr;
  unmatched.pipeline.refuse(unmatched.exchange, ApiError(errors::kNotFound));
  unmatched.pipeline.finished(unmatched.exchange);
  Passage broken;
  broken.handler = [](http::Call&) -> http::Reply { throw std::runtime_error("x"); };
  broken.go();
  broken.pipeline.finished(broken.exchange);
  const auto count = [](Passage& passage, const char* route_class, const char* family) {
    return passage.metrics.counter("nexusrag_requests_total", {{"route_class", route_class}, {"status_family", family}})
        .value();
  };
  EXPECT_EQ(count(p, "run", "2xx"), 1U);
  EXPECT_EQ(count(unmatched, "read", "4xx"), 1U);
  EXPECT_EQ(count(broken, "run", "5xx"), 1U);
  EXPECT_EQ(broken.metrics.counter("nexusrag_server_errors_total").value(), 1U);
  EXPECT_EQ(p.metrics.counter("nexusrag_server_errors_total").value(), 0U);
}

// --- the gates behind the role

using Steps = std::vector<std::string>;

TEST(PipelineGates, StandInTheContractsOrder) {
  Passage p;
  p.endpoint.spec.feature = "feature.x";
  p.go();
  EXPECT_EQ(p.others.steps, (Steps{"counted", "rate", "quota", "feature", "key", "handler", "stored 200"}));
  EXPECT_THAT(p.exchange.reply.headers, Contains(Pair("X-Quota-Day-Used", "1")));
  EXPECT_THAT(p.exchange.reply.headers, Contains(Pair("RateLimit", "r")));
}

TEST(PipelineGates, ARowWithoutAFeatureAsksForNone) {
  Passage p;
  p.go();
  EXPECT_EQ(p.others.steps, (Steps{"counted", "rate", "quota", "key", "handler", "stored 200"}));
}

TEST(PipelineGates, ARefusedRateCostsNoQuotaAndIsCounted) {
  Passage p;
  p.others.rate = errors::kRateLimited;
  EXPECT_EQ(p.go().status, 429);
  EXPECT_EQ(p.others.steps, (Steps{"counted", "rate", "hit"}));
  EXPECT_EQ(p.others.units, 0);
}

TEST(PipelineGates, ALostLimiterIsNoHit) {
  Passage p;
  p.others.rate = errors::kRateLimitUnavailable;
  EXPECT_EQ(p.go().status, 503);
  EXPECT_EQ(p.others.steps, (Steps{"counted", "rate"}));
}

TEST(PipelineGates, AnExceededQuotaEndsTheRequest) {
  Passage p;
  p.others.quota = errors::kQuotaExceeded;
  EXPECT_EQ(p.go().status, 402);
  EXPECT_EQ(p.others.steps, (Steps{"counted", "rate", "quota"}));
}

TEST(PipelineGates, AnInvalidRequestGetsItsUnitsBack) {
  Passage p;
  p.invalid = true;
  EXPECT_EQ(p.go().status, 422);
  EXPECT_EQ(p.others.units, 0);
}

TEST(PipelineGates, WhatThePlanLacksIsGivenBackWhereverItIsFound) {
  Passage before;
  before.endpoint.spec.feature = "feature.x";
  before.others.feature = errors::kFeatureNotEnabled;
  EXPECT_EQ(before.go().status, 403);
  EXPECT_EQ(before.others.units, 0);
  Passage inside;
  inside.handler = [](http::Call&) -> http::Reply { throw ApiError(errors::kCostFeatureNotEnabled); };
  EXPECT_EQ(inside.go().status, 403);
  EXPECT_EQ(inside.others.units, 0);
}

TEST(PipelineGates, AReplayIsGivenBackAndKeepsItsOwnRequestId) {
  Passage p;
  p.others.stored = http::Reply::raw(R"({"data":1})", "application/json", 201);
  p.others.stored->headers.emplace_back("X-Request-Id", "req-1");
  EXPECT_EQ(p.go().status, 201);
  EXPECT_EQ(p.exchange.reply.body, R"({"data":1})");
  EXPECT_EQ(p.others.units, 0);
  EXPECT_THAT(p.exchange.reply.headers, Contains(Pair("X-Request-Id", "req-1")));
  EXPECT_THAT(p.exchange.reply.headers, Not(Contains(Pair("X-Request-Id", "req-9"))));
  EXPECT_THAT(p.exchange.reply.headers, Contains(Pair("X-Quota-Day-Used", "0")));
}

TEST(PipelineGates, NumbersThatCannotBeReadDoNotUndoAnAnswer) {
  Passage p;
  p.others.numbers_lost = true;
  EXPECT_EQ(p.go().status, 200);
  EXPECT_THAT(p.exchange.reply.headers, Not(Contains(Pair("X-Quota-Day-Used", ::testing::_))));
  EXPECT_EQ(p.others.steps.back(), "stored 200") << "a retry would run the handler again";
}

TEST(PipelineGates, AHandlersRefusalIsChargedAndOfferedForKeeping) {
  Passage p;
  p.handler = [](http::Call&) -> http::Reply { throw ApiError(errors::kNotFound); };
  EXPECT_EQ(p.go().status, 404);
  EXPECT_EQ(p.others.units, 1);
  EXPECT_EQ(p.others.steps.back(), "stored 404");
}

TEST(PipelineGates, AHandlersValidationCostsNothing) {
  Passage p;
  p.handler = [](http::Call&) -> http::Reply { throw ApiError(errors::kValidationError); };
  EXPECT_EQ(p.go().status, 422);
  EXPECT_EQ(p.others.units, 0);
}

TEST(PipelineGates, ARefusedCredentialCountsAgainstTheCaller) {
  Passage p;
  p.gate.unknown = true;
  EXPECT_EQ(p.go().status, 401);
  EXPECT_EQ(p.others.steps, (Steps{"refused"}));
}

TEST(PipelineGates, ARefusedRoleTakesFromTheRateOfItsKeyAndEndsIn429WithoutAny) {
  Passage p;
  p.endpoint.spec.role = Role::kAdmin;
  EXPECT_EQ(p.go().status, 403);
  EXPECT_EQ(p.others.steps, (Steps{"rate"}));
  EXPECT_EQ(p.others.units, 0);
  Passage spent;
  spent.endpoint.spec.role = Role::kAdmin;
  spent.others.rate = errors::kRateLimited;
  EXPECT_EQ(spent.go().status, 429);
}

TEST(PipelineGates, AStrangerWhoFailedTooOftenIsNotEvenLookedAt) {
  Passage p;
  p.others.stranger = errors::kRateLimited;
  EXPECT_EQ(p.go().status, 429);
  EXPECT_TRUE(p.gate.steps.empty());
}

TEST(PipelineGates, AKeyThatWasGoodBeforeIsLetInFromACrowdOfFailures) {
  Passage p;
  p.others.stranger = errors::kRateLimited;
  p.gate.known = true;
  EXPECT_EQ(p.go().status, 200);
}

TEST(PipelineGates, ABodyThatNeverComesIsGivenBack) {
  Passage p;
  p.pipeline.admit(p.exchange);
  EXPECT_EQ(p.others.units, 1);
  p.exchange.client_gone = true;
  p.pipeline.finished(p.exchange);
  EXPECT_EQ(p.others.units, 0);
}

}  // namespace
}  // namespace nexus::app
