#include "modules/rag/run_service.h"

#include "modules/ingestion/ingest_fixture.h"
#include "modules/rag/fake_llm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace nexus::rag {
namespace {

using ingestion::Refusal;
using ingestion::refusal_of;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// A model that wants to read the conversation.
class ReadingLlm final : public Llm {
 public:
  [[nodiscard]] std::string_view name() const override { return "reading"; }
  [[nodiscard]] bool reads_messages() const override { return true; }
  llm::Completion generate(const Prompt&, const DeltaSink&, const std::stop_token&) const override { return {}; }
};

/// Refuses every event of a transaction.
class RefusingLog final : public audit::Log {
 public:
  void record(db::Tx&, const audit::Event&) override { throw std::runtime_error("audit"); }
  void record_soon(audit::Event) override {}
};

struct RunDesk {
  explicit RunDesk(RunOptions options = {}, const Llm& llm = fake(), audit::Log* log = nullptr)
      : services{.db = *lib.t.database,
                 .clock = lib.t.clock,
                 .outbound = outbound,
                 .llm = llm,
                 .metrics = lib.t.metrics,
                 .sessions = {},
                 .options = {}},
        service(services, log ? *log : lib.t.audit, lib.retriever, lib.entitlements, logs, options) {
    lib.make_corpus();
    lib.add_and_work("d1", "The purple giraffe eats leaves.");
    lib.t.audit.clear();
  }
  static const Llm& fake() {
    static const FakeLlm llm;
    return llm;
  }

  ingestion::Library lib;
  exec::Lane outbound{"outbound", 1, 4, lib.t.metrics};
  RunServices services;
  RunLogs logs{300 * Timestamp::kSecond, std::size_t{1} << 20};
  RunService service;

  [[nodiscard]] std::shared_ptr<const RunPlan> ask(const std::string& message, const std::string& session = "s1") {
    return service.prepare(lib.t.call, {.session_id = session, .corpus_id = "c1", .message = message});
  }
  [[nodiscard]] std::vector<std::string> stored(const std::string& session = "s1") {
    return lib.t.database->read([&](db::Snapshot& s) {
      std::vector<std::string> out;
      for (const StoredMessage& message : services.sessions.messages(s, lib.t.tenant(), session, 0, 100))
        out.push_back(message.role + ": " + message.content);
      return out;
    });
  }
};

TEST(RunService, PreparesARunAndStoresTheQuestion) {
  RunDesk desk;
  const auto plan = desk.ask("What does the giraffe eat?");
  EXPECT_EQ(plan->run_id.size(), 36U);
  EXPECT_EQ(plan->http_request_id, "req-1");
  EXPECT_EQ(plan->question, "What does the giraffe eat?");
  EXPECT_EQ(plan->started_at, desk.lib.t.call.now);
  EXPECT_EQ(plan->top_k, 5);
  EXPECT_EQ(plan->provider, "local_pgvector");
  EXPECT_EQ(plan->context.size(), 1U);
  EXPECT_TRUE(plan->opened);
  EXPECT_FALSE(plan->failure);
  EXPECT_THAT(plan->history, IsEmpty());
  EXPECT_TRUE(plan->messages.empty());  // the fake does not read them
  EXPECT_EQ(plan->headers, (http::Pairs{{"X-SLA-Status", "healthy"},
                                        {"X-SLA-Policy-Id", ""},
                                        {"X-SLA-Decision", "allow"},
                                        {"X-SLA-Route-Class", "run"},
                                        {"X-SLA-Window-End", ""}}));
  EXPECT_THAT(desk.stored(), ElementsAre("user: What does the giraffe eat?"));
}

TEST(RunService, AuditsTheInvocation) {
  RunDesk desk;
  const auto plan = desk.service.prepare(
      desk.lib.t.call, {.session_id = "s1", .corpus_id = "c1", .message = "the giraffe", .top_k = 30, .audio = true});
  ASSERT_EQ(desk.lib.t.audited(), 1U);
  const audit::Event event = desk.lib.t.audit.last();
  EXPECT_EQ(event.event_type, "run.invoked");
  EXPECT_TRUE(event.success);
  EXPECT_EQ(event.resource_type, "run");
  EXPECT_EQ(event.resource_id, plan->run_id);
  EXPECT_EQ(event.request_id, "req-1");
  EXPECT_EQ(event.tenant_id, "t1");
  EXPECT_EQ(event.actor_type, "api_key");
  EXPECT_EQ(event.actor_id, "key-1");
  EXPECT_EQ(event.ip_address, "203.0.113.7");
  EXPECT_EQ(event.user_agent, "test/1");
  for (const auto& [key, value] : std::vector<std::pair<const char*, boost::json::value>>{{"session_id", "s1"},
                                                                                          {"corpus_id", "c1"},
                                                                                          {"top_k_requested", 30},
                                                                                          {"top_k_effective", 20},
                                                                                          {"audio_requested", true},
                                                                                          {"audio_effective", false}})
    EXPECT_EQ(event.metadata.at(key), value) << key;
  EXPECT_EQ(plan->top_k, 20);
}

TEST(RunService, RefusesWhenNoPlaceIsFreeAndGivesItBackWithTheRun) {
  RunDesk desk({.max_concurrency = 1});
  auto running = desk.ask("giraffe");
  try {
    (void)desk.ask("giraffe", "s2");
    FAIL() << "two runs in one place";
  } catch (const ApiError& e) {
    EXPECT_EQ(e.kind().code, "SERVICE_BUSY");
    EXPECT_EQ(e.kind().status, 503);
    EXPECT_EQ(e.message(), "Run capacity is saturated");
    EXPECT_EQ(e.headers(), (ApiError::Headers{{"Retry-After", "1"}}));
  }
  EXPECT_EQ(desk.lib.t.metrics.counter("nexusrag_service_busy_total").value(), 1U);
  EXPECT_THAT(desk.stored("s2"), IsEmpty());
  running.reset();
  EXPECT_TRUE(desk.ask("giraffe", "s2")->opened);
}

TEST(RunService, ATenantHoldsNoMoreThanItsShare) {
  RunDesk desk({.max_concurrency = 3, .per_tenant = 1});
  const auto running = desk.ask("giraffe");
  EXPECT_EQ(refusal_of([&] { (void)desk.ask("giraffe", "s2"); }).status, 503);
  const http::Call other = desk.lib.t.call_as(Role::kAdmin, "t2");
  EXPECT_NO_THROW((void)desk.service.prepare(other, {.session_id = "s", .corpus_id = "c1", .message = "x"}));
}

TEST(RunService, RefusesOversizedFieldsBeforeAnythingIsTaken) {
  RunDesk desk({.max_concurrency = 1, .max_message_bytes = 20, .max_session_id_bytes = 4});
  EXPECT_EQ(refusal_of([&] { (void)desk.ask(std::string(21, 'x')); }).status, 422);
  EXPECT_EQ(refusal_of([&] { (void)desk.ask("giraffe", "12345"); }).code, "INVALID_INPUT");
  EXPECT_EQ(desk.lib.t.audited(), 0U);
  EXPECT_THAT(desk.stored(), IsEmpty());
  EXPECT_TRUE(desk.ask(std::string(20, 'x'), "1234")->opened);
}

TEST(RunService, AnEmptyQuestionIsARunThatFindsNothing) {
  RunDesk desk;
  const auto plan = desk.ask("", "");
  EXPECT_TRUE(plan->opened);
  EXPECT_THAT(plan->context, IsEmpty());
}

TEST(RunService, AnUnknownCorpusIsToldByTheStream) {
  RunDesk desk;
  const auto plan =
      desk.service.prepare(desk.lib.t.call, {.session_id = "s1", .corpus_id = "no", .message = "giraffe"});
  EXPECT_TRUE(plan->opened);
  ASSERT_TRUE(plan->failure);
  EXPECT_EQ(plan->failure->code, "RETRIEVAL_CONFIG_INVALID");
  EXPECT_EQ(plan->failure->message, "corpus not found");
  EXPECT_FALSE(plan->headers.empty());
  EXPECT_THAT(desk.stored(), ElementsAre("user: giraffe"));
}

TEST(RunService, APlanWithoutTheCorpusesProviderOrSpeechIsRefusedBeforeAnythingIsStored) {
  RunDesk desk({.max_concurrency = 1});
  desk.lib.make_corpus("cloud", R"({"retrieval":{"provider":"aws_bedrock_kb","knowledge_base_id":"k","region":"r"}})");
  desk.lib.t.audit.clear();
  const auto run = [&](const std::string& corpus, bool audio = false) {
    return refusal_of([&] {
      (void)desk.service.prepare(desk.lib.t.call,
                                 {.session_id = "s1", .corpus_id = corpus, .message = "giraffe", .audio = audio});
    });
  };
  desk.lib.entitlements.off = {"feature.retrieval.aws_bedrock", "feature.tts"};
  for (const Refusal& refusal : {run("cloud"), run("c1", true)}) {
    EXPECT_EQ(refusal.status, 403);
    EXPECT_EQ(refusal.code, "FEATURE_NOT_ENABLED");
  }
  EXPECT_THAT(desk.stored(), IsEmpty());
  EXPECT_EQ(desk.lib.t.audited(), 0U);
  EXPECT_EQ(run("nowhere").status, 0);  // an unknown corpus is told by the stream
  EXPECT_EQ(run("c1").status, 0);       // and every refused run has given its place back
  desk.lib.entitlements.off = {"feature.retrieval.local_pgvector"};
  EXPECT_EQ(run("c1").status, 403);
  EXPECT_EQ(run("cloud").status, 0);
}

TEST(RunService, SearchAsksForTheSameProviderAsARun) {
  RunDesk desk;
  desk.lib.entitlements.off = {"feature.retrieval.local_pgvector"};
  const Refusal refusal =
      refusal_of([&] { (void)desk.service.search(desk.lib.t.call, {.corpus_id = "c1", .query = "giraffe"}); });
  EXPECT_EQ(refusal.status, 403);
  EXPECT_EQ(refusal.code, "FEATURE_NOT_ENABLED");
}

TEST(RunService, AnotherUsersSessionIsUnknownAndShowsNothing) {
  RunDesk desk;
  (void)desk.ask("the giraffe is my secret");
  desk.lib.t.audit.clear();
  const http::Call other = desk.lib.t.call_as(Role::kReader, "t1", "user-2");
  const auto plan = desk.service.prepare(other, {.session_id = "s1", .corpus_id = "c1", .message = "giraffe"});
  ASSERT_TRUE(plan->failure);
  EXPECT_EQ(plan->failure->code, "NOT_FOUND");
  EXPECT_EQ(plan->failure->message, "Session not found");
  EXPECT_FALSE(plan->opened);
  EXPECT_THAT(plan->history, IsEmpty());
  EXPECT_TRUE(plan->headers.empty());
  EXPECT_EQ(desk.lib.t.audited(), 0U);
  EXPECT_EQ(desk.stored().size(), 1U);
}

TEST(RunService, AFailedSessionTransactionIsADatabaseError) {
  RefusingLog log;
  RunDesk desk({}, RunDesk::fake(), &log);
  const auto plan = desk.ask("giraffe");
  ASSERT_TRUE(plan->failure);
  EXPECT_EQ(plan->failure->code, "DB_ERROR");
  EXPECT_EQ(plan->failure->message, "Database error during run. Check server logs.");
  EXPECT_FALSE(plan->opened);
  EXPECT_TRUE(plan->headers.empty());
  EXPECT_THAT(desk.stored(), IsEmpty());
}

TEST(RunService, AModelThatReadsGetsHistoryContextAndTheQuestionOnce) {
  const ReadingLlm llm;
  RunDesk desk({}, llm);
  (void)desk.ask("an earlier giraffe");
  const auto plan = desk.ask("the giraffe now");
  ASSERT_EQ(plan->history.size(), 1U);
  EXPECT_EQ(plan->history[0].content, "an earlier giraffe");
  ASSERT_EQ(plan->messages.size(), 3U);
  EXPECT_EQ(plan->messages[1].content, "an earlier giraffe");
  EXPECT_EQ(plan->messages[2].content, "the giraffe now");
}

TEST(RunService, ARunThatNeverBecomesAStreamEndsItsLog) {
  RunDesk desk;
  auto plan = desk.ask("giraffe");
  const RunRequest same{.session_id = "s1", .corpus_id = "c1", .message = "giraffe"};
  const RunRequest other{.session_id = "s1", .corpus_id = "c1", .message = "another question"};
  EXPECT_EQ(desk.service.find_run(desk.lib.t.call, other).local, nullptr) << "only the same question reads on";
  const auto log = desk.service.find_run(desk.lib.t.call, same).local;
  ASSERT_TRUE(log);
  EXPECT_FALSE(log->after(0).finished);
  plan.reset();
  EXPECT_TRUE(log->after(0).finished);
  EXPECT_FALSE(log->after(0).complete);
  EXPECT_EQ(desk.service.find_run(desk.lib.t.call_as(Role::kReader, "t1"), same).local, nullptr);
}

TEST(Search, ReturnsHitsWithSpansAndPartsOnlyWhenAsked) {
  RunDesk desk;
  const SearchAnswer plain = desk.service.search(desk.lib.t.call, {.corpus_id = "c1", .query = "giraffe"});
  EXPECT_EQ(plain.corpus_id, "c1");
  EXPECT_EQ(plain.mode, "hybrid");
  EXPECT_EQ(plain.top_k, 5);
  ASSERT_EQ(plain.hits.size(), 1U);
  const SearchHit& hit = plain.hits[0];
  EXPECT_EQ(hit.document_id, "d1");
  EXPECT_EQ(hit.text, "The purple giraffe eats leaves.");
  EXPECT_EQ(hit.sha256, crypto::sha256_hex(hit.text));
  EXPECT_EQ(hit.start, 0);
  EXPECT_EQ(hit.end, static_cast<std::int64_t>(hit.text.size()));
  EXPECT_EQ(hit.metadata.at("offset_start"), 0);
  EXPECT_EQ(hit.lexical, std::nullopt);
  const SearchAnswer explained =
      desk.service.search(desk.lib.t.call, {.corpus_id = "c1", .query = "giraffe", .mode = "dense", .explain = true});
  EXPECT_EQ(explained.mode, "dense");
  EXPECT_GT(explained.hits.at(0).dense.value(), 0.0);
  EXPECT_TRUE(explained.hits.at(0).lexical);
  EXPECT_EQ(desk.lib.t.audited(), 0U);
}

TEST(Search, RefusesWhatItCannotSearch) {
  RunDesk desk({.max_message_bytes = 10});
  const Refusal unknown =
      refusal_of([&] { (void)desk.service.search(desk.lib.t.call, {.corpus_id = "none", .query = "x"}); });
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.message, "Corpus not found");
  EXPECT_EQ(refusal_of([&] {
              (void)desk.service.search(desk.lib.t.call, {.corpus_id = "c1", .query = std::string(11, 'x')});
            }).status,
            422);
  desk.lib.make_corpus("aws", R"({"retrieval":{"provider":"aws_bedrock_kb","knowledge_base_id":"k","region":"r"}})");
  const Refusal external =
      refusal_of([&] { (void)desk.service.search(desk.lib.t.call, {.corpus_id = "aws", .query = "x"}); });
  EXPECT_EQ(external.code, "RETRIEVAL_CONFIG_INVALID");
  EXPECT_EQ(external.message, "retrieval provider not registered");
}

}  // namespace
}  // namespace nexus::rag
