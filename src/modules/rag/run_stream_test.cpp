#include "modules/rag/run_stream.h"

#include "base/errors.h"
#include "observe/metrics.h"
#include "support/call_fixture.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <future>
#include <stdexcept>

namespace nexus::rag {
namespace {

namespace asio = boost::asio;

/// Keeps what a stream writes; can lose its reader after some frames.
class CollectingSink final : public http::EventSink {
 public:
  explicit CollectingSink(asio::io_context& io) : io_(io) {}

  void write(std::string_view bytes) override {
    text += bytes;
    ++frames;
    if (on_frame) on_frame(bytes);
  }
  asio::awaitable<void> drain() override {
    if (frames >= lost_after) {
      stop_.request_stop();
      throw http::ClientGone();
    }
    co_return;
  }
  [[nodiscard]] std::stop_token stopped() const override { return stop_.get_token(); }
  [[nodiscard]] asio::any_io_executor executor() const override { return io_.get_executor(); }

  [[nodiscard]] std::size_t count(std::string_view needle) const {
    std::size_t found = 0;
    for (std::size_t at = text.find(needle); at != std::string::npos; at = text.find(needle, at + 1)) ++found;
    return found;
  }

  std::string text;
  std::size_t frames = 0;
  std::size_t lost_after = 1'000'000;
  std::function<void(std::string_view)> on_frame;

 private:
  asio::io_context& io_;
  std::stop_source stop_;
};

class ScriptedLlm final : public Llm {
 public:
  using Script = std::function<void(const DeltaSink&, const std::stop_token&)>;
  explicit ScriptedLlm(Script script) : script_(std::move(script)) {}
  [[nodiscard]] std::string_view name() const override { return "scripted"; }
  [[nodiscard]] bool reads_messages() const override { return false; }
  llm::Completion generate(const Prompt& /*prompt*/, const DeltaSink& sink,
                           const std::stop_token& stop) const override {
    script_(sink, stop);
    return completion;
  }

  llm::Completion completion;

 private:
  Script script_;
};

class Meter final : public quotas::TokenMeter {
 public:
  void add(const TenantScope& /*tenant*/, std::int64_t tokens, Timestamp /*now*/) override { total += tokens; }
  std::int64_t total = 0;
};

/// A run that is prepared: session s1 of tenant t1 is open and holds the user's turn.
struct Stage {
  explicit Stage(ScriptedLlm::Script script, std::size_t passages = 0) : llm(std::move(script)) {
    auto prepared = std::make_shared<RunPlan>(testing::TenantScopeFactory::make("t1"));
    prepared->run_id = "11111111-1111-4111-8111-111111111111";
    prepared->session_id = "s1";
    prepared->corpus_id = "c1";
    prepared->started_at = clock.now();
    prepared->context.resize(passages);
    database->write([&](db::Tx& tx) { sessions.open(tx, prepared->tenant, "s1", "user-1", clock.now()); });
    plan = std::move(prepared);
  }

  void run() {
    const RunServices services{.db = *database,
                               .clock = clock,
                               .outbound = lane,
                               .llm = llm,
                               .metrics = metrics,
                               .sessions = sessions,
                               .options = options,
                               .tokens = &meter};
    RunStream stream(services, plan);
    auto open = asio::make_work_guard(io);
    std::exception_ptr failure;
    asio::co_spawn(io, stream.run(sink), [&](std::exception_ptr error) {
      failure = std::move(error);
      open.reset();
    });
    io.run();
    if (failure) std::rethrow_exception(failure);
    lane.drain();
    std::promise<void> written;  // what the stream queued stands before this
    database->write_async([](db::Tx&) {}, db::Durability::kRelaxed,
                          [&](const std::exception_ptr&) { written.set_value(); });
    written.get_future().wait();
  }

  [[nodiscard]] std::vector<StoredMessage> stored() {
    return database->read([&](db::Snapshot& s) { return sessions.messages(s, plan->tenant, "s1", 0, 10); });
  }

  SystemClock clock;
  observe::Metrics metrics;
  std::unique_ptr<db::Database> database = testing::scratch_database(clock, metrics);
  exec::Lane lane{"outbound", 1, 8, metrics};
  SessionsRepository sessions;
  RunStreamOptions options;
  ScriptedLlm llm;
  Meter meter;
  asio::io_context io;
  CollectingSink sink{io};
  std::shared_ptr<const RunPlan> plan;
};

TEST(RunStream, SendsHeartbeatsWhileTheModelThinks) {
  std::promise<void> seen;
  Stage stage([&](const DeltaSink& sink, const std::stop_token&) {
    seen.get_future().wait();
    EXPECT_TRUE(sink("answer"));
  });
  stage.options.heartbeat_us = 1000;
  int heartbeats = 0;
  stage.sink.on_frame = [&](std::string_view frame) {
    if (frame.starts_with("event: heartbeat") && ++heartbeats == 2) seen.set_value();
  };
  stage.run();
  EXPECT_GE(heartbeats, 2);
  EXPECT_EQ(stage.sink.count("\"type\":\"message.final\""), 1U);
  EXPECT_TRUE(stage.sink.text.find("\"seq\":2}") != std::string::npos) << "heartbeats take numbers too";
}

TEST(RunStream, DeliversWhatWasWrittenBeforeAFailureThenErrorAndDone) {
  Stage stage([](const DeltaSink& sink, const std::stop_token&) {
    EXPECT_TRUE(sink("half "));
    throw LlmError(errors::kVertexTimeout, "Vertex stream timed out.");
  });
  stage.run();
  const std::size_t delta = stage.sink.text.find("\"delta\":\"half \"");
  const std::size_t error = stage.sink.text.find("\"code\":\"VERTEX_TIMEOUT\"");
  ASSERT_NE(delta, std::string::npos);
  ASSERT_NE(error, std::string::npos);
  EXPECT_LT(delta, error);
  EXPECT_EQ(stage.sink.count("\"type\":\"done\""), 1U);
  EXPECT_EQ(stage.sink.count("message.final"), 0U);
  EXPECT_TRUE(stage.stored().empty()) << "a failed answer is not stored";
}

TEST(RunStream, SaysInternalErrorForWhatHasNoName) {
  Stage stage([](const DeltaSink&, const std::stop_token&) { throw std::runtime_error("secret detail"); });
  stage.run();
  EXPECT_EQ(stage.sink.count("\"code\":\"UNKNOWN_ERROR\""), 1U);
  EXPECT_EQ(stage.sink.count("secret detail"), 0U);
}

TEST(RunStream, ALostReaderStopsTheModelAndKeepsThePartialAnswer) {
  bool stopped = false;
  Stage stage([&](const DeltaSink& sink, const std::stop_token& stop) {
    while (sink("piece ")) {
    }
    stopped = stop.stop_requested();
  });
  stage.sink.lost_after = 4;  // accepted and three deltas
  stage.run();
  EXPECT_TRUE(stopped);
  const std::vector<StoredMessage> messages = stage.stored();
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(messages[0].status, "partial");
  EXPECT_EQ(messages[0].content, "piece piece piece ");
  EXPECT_EQ(stage.metrics.counter("nexusrag_sse_streams_disconnected_total").value(), 1U);
}

TEST(RunStream, StoresTheAnswerBeforeItIsCalledFinal) {
  Stage stage([](const DeltaSink& sink, const std::stop_token&) { EXPECT_TRUE(sink("whole")); });
  std::size_t stored_at_final = 0;
  stage.sink.on_frame = [&](std::string_view frame) {
    if (frame.find("message.final") != std::string_view::npos) stored_at_final = stage.stored().size();
  };
  stage.run();
  EXPECT_EQ(stored_at_final, 1U);
}

TEST(RunStream, CountsTheTokensThatTheProviderCountedAndTellsThem) {
  Stage stage([](const DeltaSink& sink, const std::stop_token&) { EXPECT_TRUE(sink("whole")); });
  stage.llm.completion.usage = {.input_tokens = 120, .output_tokens = 7};
  stage.run();
  EXPECT_EQ(stage.meter.total, 127);
  EXPECT_EQ(stage.sink.count(R"("usage":{"input_tokens":120,"output_tokens":7}})"), 1U);
}

TEST(RunStream, EstimatesOnlyWhatTheProviderDidNotCount) {
  Stage stage([](const DeltaSink& sink, const std::stop_token&) { EXPECT_TRUE(sink("12345678")); });
  stage.llm.completion.usage = {.input_tokens = 120, .output_tokens = {}};
  stage.run();
  EXPECT_EQ(stage.meter.total, 122);
  EXPECT_EQ(stage.sink.count(R"("usage":{"input_tokens":120}})"), 1U);
}

TEST(RunStream, SaysThatAnAnswerIsCutOffAndNothingOfOneThatIsWhole) {
  for (const auto& [finish, told] :
       {std::pair<llm::Finish, std::string_view>{llm::Finish::kLength, R"("finish_reason":"length"})"},
        {llm::Finish::kFiltered, R"("finish_reason":"content_filter"})"},
        {llm::Finish::kStop, R"("citations":[],"top_k":0})"}}) {
    Stage stage([](const DeltaSink& sink, const std::stop_token&) { EXPECT_TRUE(sink("half")); });
    stage.llm.completion.finish = finish;
    stage.run();
    EXPECT_EQ(stage.sink.count(told), 1U) << told;
  }
}

TEST(RunStream, AnAnswerThatNobodyHeardToItsEndCountsForWhatItSaid) {
  Stage failed([](const DeltaSink& sink, const std::stop_token&) {
    EXPECT_TRUE(sink("12345678"));
    throw LlmError(errors::kLlmError, "broke off");
  });
  failed.run();
  EXPECT_EQ(failed.meter.total, 2);
  Stage left([](const DeltaSink& sink, const std::stop_token&) {
    while (sink("12345678")) {
    }
  });
  left.sink.lost_after = 3;  // accepted and two deltas
  left.run();
  EXPECT_EQ(left.meter.total, 4);
}

constexpr db::Statement kQueryLog{
    "test.run_query_log",
    "SELECT query_id, status, retrieved_chunks, {{time_diff_us completed_at started_at}}, latency_ms FROM query_log"};

/// One row of the query log as "status/chunks"; "" unless there is exactly one, of this run, whose times agree.
std::string logged(Stage& stage) {
  return stage.database->read([&](db::Snapshot& s) -> std::string {
    db::Cursor row = s.query(kQueryLog);
    if (!row.next() || row.text(0) != stage.plan->run_id || row.i64(4) != row.i64(3) / 1000) return {};
    std::string out = row.str(1) + "/" + std::to_string(row.i64(2));
    return row.next() ? std::string() : out;
  });
}

TEST(QueryLog, AFinishedRunIsOneRowWithWhatItRetrieved) {
  Stage stage([](const DeltaSink& sink, const std::stop_token&) { EXPECT_TRUE(sink("whole")); }, 3);
  stage.run();
  EXPECT_EQ(logged(stage), "ok/3");
}

TEST(QueryLog, AFailedRunIsAnError) {
  Stage stage([](const DeltaSink&, const std::stop_token&) { throw std::runtime_error("no"); }, 2);
  stage.run();
  EXPECT_EQ(logged(stage), "error/2");
}

TEST(QueryLog, ARunWhoseReaderLeftIsCancelled) {
  Stage stage(
      [](const DeltaSink& sink, const std::stop_token&) {
        while (sink("piece ")) {
        }
      },
      1);
  stage.sink.lost_after = 3;
  stage.run();
  EXPECT_EQ(logged(stage), "cancelled/1");
}

TEST(QueryLog, ARunThatCouldNotBePreparedIsAnError) {
  Stage stage([](const DeltaSink&, const std::stop_token&) { FAIL() << "there is nothing to generate"; });
  auto failed = std::make_shared<RunPlan>(testing::TenantScopeFactory::make("t1"));
  failed->run_id = "22222222-2222-4222-8222-222222222222";
  failed->session_id = "s1";
  failed->started_at = stage.clock.now();
  failed->failure = RunFailure{"RETRIEVAL_ERROR", "Retrieval failed."};
  stage.plan = failed;
  stage.run();
  EXPECT_EQ(logged(stage), "error/0");
}

}  // namespace
}  // namespace nexus::rag
