#include "modules/idempotency/idempotency_gate.h"

#include "modules/idempotency/idempotency_fixture.h"
#include "support/sql_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <latch>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace nexus::idempotency {
namespace {

using testing::as_stored;

constexpr std::int64_t kHour = 3600;

TEST(IdempotencyGate, PreparesEveryStatement) {
  const GateFixture f;
  EXPECT_EQ(f.database->check_statements(idempotency_statements()), std::vector<std::string>{});
}

TEST(IdempotencyGate, RunsOnceAndThenRepeatsTheAnswerToTheByte) {
  GateFixture f;
  f.api.handler = [](http::Call&, const NewThing& in) {
    http::Reply reply = http::Reply::json(R"({"b":1.50,"a":")" + in.name + "\"}", 202);
    reply.headers = {{"Location", "/v1/things/1"}, {"X-Quota-Day-Used", "4"}, {"Retry-After", "9"}};
    return reply;
  };
  const Answer first = f.send("req-1");
  const Answer second = f.send("req-2");
  EXPECT_EQ(f.api.runs, 1);
  EXPECT_FALSE(first.replayed());
  EXPECT_TRUE(second.replayed());
  EXPECT_EQ(second.status, 202);
  EXPECT_EQ(as_stored(second.reply.body), as_stored(first.reply.body));
  EXPECT_EQ(as_stored(second.reply.body), as_stored(R"({"data":{"b":1.50,"a":"a"},"meta":{"request_id":"req-1"}})"));
  EXPECT_EQ(second.reply.content_type, "application/json");
  EXPECT_FALSE(second.reply.is_payload) << "it is enveloped already";
  EXPECT_EQ(second.reply.headers,
            (http::Pairs{{"Location", "/v1/things/1"}, {"Idempotency-Replayed", "true"}, {"X-Request-Id", "req-1"}}));
  EXPECT_EQ(f.counted("fresh"), 1U);
  EXPECT_EQ(f.counted("replayed"), 1U);
}

TEST(IdempotencyGate, RepeatsAnEmptyAnswerEmpty) {
  GateFixture f;
  f.api.handler = [](http::Call&, const NewThing&) { return http::Reply::no_content(); };
  f.send();
  const Answer second = f.send("req-2");
  EXPECT_EQ(f.api.runs, 1);
  EXPECT_EQ(second.status, 204);
  EXPECT_EQ(second.reply.body, "");
  EXPECT_EQ(second.reply.content_type, "");
  EXPECT_TRUE(second.replayed());
}

TEST(IdempotencyGate, RepeatsBytesThatAreNotJson) {
  GateFixture f;
  const std::string bytes("a\0\xFF,b", 5);
  f.api.handler = [&](http::Call&, const NewThing&) { return http::Reply::raw(bytes, "text/csv"); };
  f.send();
  const Answer second = f.send("req-2");
  EXPECT_EQ(second.reply.body, bytes);
  EXPECT_EQ(second.reply.content_type, "text/csv");
}

TEST(IdempotencyGate, CostsNothingWithoutAKey) {
  GateFixture f;
  for (const char* header : {"X-Other", "Idempotency-Key"}) {
    f.request.headers.back() = {header, "  "};
    EXPECT_EQ(f.send().status, 201);
  }
  EXPECT_EQ(f.api.runs, 2);
  EXPECT_EQ(f.rows(), 0);
  EXPECT_EQ(f.counted("fresh"), 0U);
}

TEST(IdempotencyGate, IgnoresTheHeaderOnLegacyPathsAndWhenDisabled) {
  GateFixture f;
  f.send(f.request, {.versioned = false});
  f.send(f.request, {.versioned = false});
  EXPECT_EQ(f.api.runs, 2);
  EXPECT_EQ(f.rows(), 0);
  GateFixture off({.enabled = false});
  off.send();
  off.send();
  EXPECT_EQ(off.api.runs, 2);
}

TEST(IdempotencyGate, RefusesARowThatNeedsAKeyWithoutOne) {
  GateFixture f;
  f.row.spec.idempotency = http::Idempotency::kRequired;
  f.key(" ");
  for (const bool versioned : {true, false}) {
    const Answer answer = f.send(f.request, {.versioned = versioned});
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(answer.code, "IDEMPOTENCY_KEY_REQUIRED");
  }
  EXPECT_EQ(f.api.runs, 0);
  f.key("k");
  EXPECT_EQ(f.send().status, 201);
}

TEST(IdempotencyGate, RefusesTheKeyForAnotherPayload) {
  GateFixture f;
  f.send();
  const Answer answer = f.send_body(R"({"name":"b"})");
  EXPECT_EQ(answer.status, 409);
  EXPECT_EQ(answer.code, "IDEMPOTENCY_KEY_CONFLICT");
  EXPECT_EQ(f.api.runs, 1);
  EXPECT_EQ(f.counted("conflict"), 1U);
  EXPECT_TRUE(f.send_body(R"({ "size":1, "name":"\u0061" })").replayed()) << "the same, spelled differently";
}

TEST(IdempotencyGate, KeepsKeysOfTenantsCredentialsMethodsAndPathsApart) {
  GateFixture f;
  f.send();
  EXPECT_FALSE(f.send(f.request, {.tenant = "t2"}).replayed());
  EXPECT_FALSE(f.send(f.request, {.credential = "key-2"}).replayed());
  http::Request other = f.request;
  other.path = "/v1/things/1";
  EXPECT_FALSE(f.send(other, {}).replayed());
  other = f.request;
  other.verb = http::Verb::kPut;
  EXPECT_FALSE(f.send(other, {}).replayed());
  EXPECT_EQ(f.api.runs, 5);
  EXPECT_TRUE(f.send().replayed());
}

TEST(IdempotencyGate, TellsKeysApartByBytesAndTrimsThem) {
  GateFixture f;
  f.key("\xFF");
  EXPECT_FALSE(f.send().replayed());
  f.key("\xFE");
  EXPECT_FALSE(f.send().replayed()) << "neither is UTF-8, and they are different";
  f.key(" \xFE\t");
  EXPECT_TRUE(f.send().replayed());
}

TEST(IdempotencyGate, AnswersADuplicateOfARunningRequestWithWait) {
  GateFixture f;
  std::vector<Answer> during;
  f.api.handler = [&](http::Call&, const NewThing&) {
    if (during.empty()) {
      during.push_back(f.send("req-2"));
      during.push_back(f.send_body(R"({"name":"b"})", "req-3"));
    }
    return http::Reply::json("1");
  };
  EXPECT_EQ(f.send().status, 200);
  EXPECT_EQ(f.api.runs, 1);
  EXPECT_EQ(during[0].status, 409);
  EXPECT_EQ(during[0].code, "IDEMPOTENCY_IN_PROGRESS");
  EXPECT_EQ(during[0].header("Retry-After"), "1");
  EXPECT_EQ(during[1].code, "IDEMPOTENCY_KEY_CONFLICT") << "waiting would not help";
  EXPECT_EQ(f.counted("in_progress"), 1U);
}

TEST(IdempotencyGate, RunsOneOf32EqualRequestsAtOnce) {
  constexpr int kThreads = 32;
  GateFixture f;
  std::latch start(kThreads);
  std::mutex mutex;
  std::vector<Answer> answers;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i)
      threads.emplace_back([&, i] {
        start.arrive_and_wait();
        Answer answer = f.send("req-" + std::to_string(i));
        const std::lock_guard lock(mutex);
        answers.push_back(std::move(answer));
      });
  }
  EXPECT_EQ(f.api.runs, 1);
  int firsts = 0;
  for (const Answer& answer : answers) {
    if (answer.status == 409) {
      EXPECT_EQ(answer.code, "IDEMPOTENCY_IN_PROGRESS");
    } else {
      EXPECT_EQ(answer.status, 201);
      if (!answer.replayed()) ++firsts;
    }
  }
  EXPECT_EQ(firsts, 1);
  EXPECT_TRUE(f.send().replayed());
}

struct Refusal {
  const ErrorKind& kind;
  bool stored;
};

TEST(IdempotencyGate, StoresRefusalsOfTheRequestAndForgetsThoseThatPass) {
  for (const Refusal& refusal : {Refusal{errors::kBadRequest, true},
                                 {errors::kNotFound, true},
                                 {errors::kConflict, true},
                                 {errors::kKeyLimitReached, true},
                                 {errors::kUnsupportedMediaType, true},
                                 {errors::kValidationError, true},
                                 {errors::kAuthUnauthorized, false},
                                 {errors::kQuotaExceeded, false},
                                 {errors::kAuthForbidden, false},
                                 {errors::kFeatureNotEnabled, false},
                                 {errors::kRequestTimeout, false},
                                 {errors::kIngestInProgress, false},
                                 {errors::kSlaAutoscalingCooldownActive, false},
                                 {errors::kRateLimited, false},
                                 {errors::kInternalError, false},
                                 {errors::kServiceBusy, false}}) {
    GateFixture f;
    f.api.handler = [&](http::Call&, const NewThing&) -> http::Reply { throw ApiError(refusal.kind); };
    const Answer first = f.send("req-1");
    const Answer second = f.send("req-2");
    EXPECT_EQ(f.api.runs, refusal.stored ? 1 : 2) << refusal.kind.code;
    EXPECT_EQ(second.status, refusal.kind.status);
    EXPECT_EQ(second.replayed(), refusal.stored) << refusal.kind.code;
    EXPECT_EQ(as_stored(second.reply.body) == as_stored(first.reply.body), refusal.stored) << "the request id tells";
    EXPECT_EQ(f.rows(), refusal.stored ? 1 : 0) << refusal.kind.code;
  }
}

TEST(IdempotencyGate, ForgetsARefusalThatAsksForARetry) {
  GateFixture f;
  f.api.handler = [](http::Call&, const NewThing&) -> http::Reply {
    throw ApiError(errors::kConflict).with_header("Retry-After", "3");
  };
  f.send();
  EXPECT_FALSE(f.send().replayed());
  EXPECT_EQ(f.api.runs, 2);
}

TEST(IdempotencyGate, FreesTheKeyWhenTheHandlerFails) {
  GateFixture f;
  f.api.handler = [](http::Call&, const NewThing&) -> http::Reply { throw std::runtime_error("broken"); };
  EXPECT_THROW(f.send(), std::runtime_error);
  EXPECT_EQ(f.rows(), 0);
  f.api.handler = [](http::Call&, const NewThing&) { return http::Reply::json("1"); };
  EXPECT_EQ(f.send_body(R"({"name":"b"})").status, 200) << "even for another payload";
}

TEST(IdempotencyGate, ReservesNothingForARequestThatIsInvalid) {
  GateFixture f;
  EXPECT_EQ(f.send_body("{}").status, 422);
  EXPECT_EQ(f.rows(), 0);
  EXPECT_EQ(f.send().status, 201);
}

TEST(IdempotencyGate, RunsAgainWhenTheAnswerHasExpiredThoughNobodyPruned) {
  GateFixture f({.ttl_us = kHour * Timestamp::kSecond});
  f.send("req-1");
  f.clock.advance_us(kHour * Timestamp::kSecond - 1);
  EXPECT_TRUE(f.send("req-2").replayed());
  f.clock.advance_us(1);
  EXPECT_FALSE(f.send_body(R"({"name":"b"})", "req-3").replayed());
  EXPECT_EQ(f.rows(), 1) << "the row is used again";
  const Answer again = f.send_body(R"({"name":"b"})", "req-4");
  EXPECT_TRUE(again.replayed());
  EXPECT_EQ(again.header("X-Request-Id"), "req-3");
}

TEST(IdempotencyGate, LetsTheSameRequestInWhenTheLeaseOfADeadProcessHasRunOut) {
  GateFixture f({.lease_us = 60 * Timestamp::kSecond});
  const Reservation dead = f.hold();
  f.clock.advance_s(59);
  EXPECT_EQ(f.send().code, "IDEMPOTENCY_IN_PROGRESS");
  f.clock.advance_s(1);
  EXPECT_EQ(f.send_body(R"({"name":"b"})").code, "IDEMPOTENCY_KEY_CONFLICT")
      << "what the dead request did is not known: its key is not free for another";
  EXPECT_EQ(f.send("req-2").status, 201);
  EXPECT_EQ(f.api.runs, 1);
  EXPECT_EQ(f.send("req-3").header("X-Request-Id"), "req-2");
}

TEST(IdempotencyGate, ARequestThatLostItsLeaseNeitherStoresNorFreesTheKey) {
  GateFixture f({.lease_us = 60 * Timestamp::kSecond});
  Reservation storing = f.hold();
  f.clock.advance_s(60);
  Reservation freeing = f.hold();
  f.clock.advance_s(60);
  f.send("req-2");
  storing.complete(http::Reply::json(R"("late")"));
  freeing.abandon();
  EXPECT_EQ(as_stored(f.send("req-3").reply.body), as_stored(R"({"data":{"name":"a"},"meta":{"request_id":"req-2"}})"));
  EXPECT_EQ(f.api.runs, 1);
}

TEST(IdempotencyGate, RenewsTheLeasesOfSlowRequestsAndOfNoOthers) {
  GateFixture f({.lease_us = 60 * Timestamp::kSecond});
  Reservation slow = f.hold();
  f.clock.advance_s(19);
  EXPECT_EQ(f.gate.renew(), 0U) << "younger than a third of a lease";
  for (int i = 0; i < 12; ++i) {
    f.clock.advance_s(20);
    EXPECT_EQ(f.gate.renew(), 1U);
    EXPECT_EQ(f.send().code, "IDEMPOTENCY_IN_PROGRESS");
  }
  slow.complete(http::Reply::json("1"));
  f.clock.advance_s(20);
  EXPECT_EQ(f.gate.renew(), 0U);
  EXPECT_TRUE(f.send().replayed());
}

TEST(IdempotencyGate, RemembersThatARequestWasCarriedOutWhenItsAnswerIsTooLarge) {
  GateFixture f({.max_body_bytes = 100});
  f.api.handler = [](http::Call&, const NewThing&) {
    return http::Reply::json('"' + std::string(200, 'x') + '"', 201);
  };
  EXPECT_EQ(f.send("req-1").status, 201);
  const Answer second = f.send("req-2");
  EXPECT_EQ(f.api.runs, 1);
  EXPECT_EQ(second.status, 409);
  EXPECT_EQ(second.code, "IDEMPOTENCY_KEY_CONFLICT");
  EXPECT_THAT(second.reply.body,
              ::testing::HasSubstr(R"("details":{"reason":"answer_not_kept","status":201,"request_id":"req-1"})"));
  EXPECT_EQ(f.counted("answer_lost"), 1U);
}

TEST(IdempotencyGate, RefusesWhenTheKeyCannotBeReserved) {
  GateFixture f;
  f.database->run_script("DROP TABLE idempotency_records");
  const Answer answer = f.send();
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.code, "SERVICE_UNAVAILABLE");
  EXPECT_EQ(f.api.runs, 0) << "a client that sends a key asks not to run unprotected";
  EXPECT_EQ(f.counted("unavailable"), 1U);
}

TEST(IdempotencyGate, AnswersThoughTheAnswerCannotBeStored) {
  GateFixture f;
  f.api.handler = [&](http::Call&, const NewThing&) {
    f.database->run_script("ALTER TABLE idempotency_records RENAME TO away");
    return http::Reply::json("1");
  };
  EXPECT_EQ(f.send().status, 200);
  f.database->run_script("ALTER TABLE away RENAME TO idempotency_records");
  EXPECT_EQ(f.send().code, "IDEMPOTENCY_IN_PROGRESS") << "until the lease runs out";
}

/// Durable commits so far.
std::uint64_t durable_commits(GateFixture& f) {
  const observe::Histogram& commits = f.metrics.histogram("nexusrag_db_commit_seconds", {{"durability", "durable"}});
  std::uint64_t all = 0;
  for (std::size_t i = 0; i <= commits.bounds().size(); ++i) all += commits.count_in_bucket(i);
  return all;
}

TEST(IdempotencyGate, StoresAnAnswerAsDurablyAsWhatItAnswersFor) {
  struct Case {
    http::RouteClass route_class;
    int status;
    std::uint64_t durable;
  };
  for (const Case& c : {Case{http::RouteClass::kMutation, 201, 1},
                        {http::RouteClass::kOps, 200, 1},
                        {http::RouteClass::kRead, 200, 0},
                        {http::RouteClass::kMutation, 404, 0},
                        {http::RouteClass::kMutation, 500, 0}}) {
    GateFixture f;
    f.row.spec.route_class = c.route_class;
    f.api.handler = [&](http::Call&, const NewThing&) { return http::Reply::json("1", c.status); };
    const std::uint64_t before = durable_commits(f);
    f.send();
    EXPECT_EQ(durable_commits(f) - before, c.durable) << http::to_string(c.route_class) << " " << c.status;
  }
}

TEST(Reservation, EndsOnceHoweverItIsMoved) {
  GateFixture f;
  {
    Reservation first = f.hold();
    Reservation second = std::move(first);
    EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): that is the promise
    Reservation third;
    third = std::move(second);
    EXPECT_TRUE(third);
    third.complete(http::Reply::json("1"));
    EXPECT_FALSE(third);
  }
  EXPECT_TRUE(f.send().replayed()) << "none of the destructors freed the key";
}

}  // namespace
}  // namespace nexus::idempotency
