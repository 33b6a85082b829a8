#include "observe/trace.h"

#include "observe/metrics.h"
#include "observe/segment.h"
#include "observe/tracer.h"

#include <gmock/gmock.h>

#include <set>
#include <string>
#include <thread>
#include <vector>

namespace nexus::observe {
namespace {

constexpr std::string_view kTrace = "0af7651916cd43dd8448eb211c80319c";
constexpr std::string_view kSpan = "b7ad6b7169203331";

std::string header(std::string_view version, std::string_view trace, std::string_view span, std::string_view flags,
                   std::string_view more = "") {
  std::string out(version);
  return out.append("-").append(trace).append("-").append(span).append("-").append(flags).append(more);
}

class Spans final : public SpanSink {
 public:
  void submit(Span span) noexcept override { all.push_back(std::move(span)); }
  std::vector<Span> all;
};

class StillClock final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const override { return {1'000'000'000 + steady}; }
  [[nodiscard]] std::int64_t steady_us() const override {
    ++looks;
    return steady;
  }
  std::int64_t steady = 0;
  mutable int looks = 0;
};

TEST(Traceparent, ReadsWhatItWrites) {
  const auto context = parse_traceparent(header("00", kTrace, kSpan, "01"));
  ASSERT_TRUE(context.has_value());
  EXPECT_TRUE(context->sampled);
  EXPECT_FALSE(context->random);
  EXPECT_EQ(traceparent(*context), header("00", kTrace, kSpan, "01"));
}

TEST(Traceparent, KnowsOnlyTheFlagsOfTheRecommendationAndSendsNoOthers) {
  EXPECT_EQ(traceparent(*parse_traceparent(header("00", kTrace, kSpan, "ff"))), header("00", kTrace, kSpan, "03"));
  EXPECT_EQ(traceparent(*parse_traceparent(header("00", kTrace, kSpan, "08"))), header("00", kTrace, kSpan, "00"));
}

TEST(Traceparent, TakesTheFirstPartOfALaterVersion) {
  for (const char* more : {"", "-", "-what-the-future-will-be-like"}) {
    const auto context = parse_traceparent(header("cc", kTrace, kSpan, "01", more));
    ASSERT_TRUE(context.has_value()) << more;
    EXPECT_EQ(traceparent(*context), header("00", kTrace, kSpan, "01")) << "sent on in the version we know";
  }
}

TEST(Traceparent, RefusesEverythingElse) {
  const std::string zeros32(32, '0');
  const std::string zeros16(16, '0');
  for (const std::string& wrong :
       {std::string(), std::string(55, '-'), header("00", zeros32, kSpan, "01"), header("00", kTrace, zeros16, "01"),
        header("ff", kTrace, kSpan, "01"), header("00", kTrace, kSpan, "01", "-more"),
        header("00", kTrace, kSpan, "01", "."), header("cc", kTrace, kSpan, "01", ".more"),
        header("0", kTrace, kSpan, "001"), header("00", kTrace, kSpan, "0"), header("00", kTrace, kSpan, "0x"),
        header("00", "0AF7651916CD43DD8448EB211C80319C", kSpan, "01"), header("00", kTrace, "b7ad6b716920333z", "01"),
        header("00", std::string(kTrace) + "0", std::string(kSpan.substr(1)), "01"),
        " " + header("00", kTrace, kSpan, "01")})
    EXPECT_FALSE(parse_traceparent(wrong).has_value()) << wrong;
}

TEST(Tracestate, IsPassedOnAsItCame) {
  EXPECT_EQ(bounded_tracestate("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"), "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE");
  EXPECT_EQ(bounded_tracestate(" a=1 ,\t, tenant@vendor/x=~ v "), "a=1,tenant@vendor/x=~ v");
  EXPECT_EQ(bounded_tracestate(""), "");
}

TEST(Tracestate, IsForgottenWhenItIsMalformed) {
  for (const char* wrong :
       {"A=1", "a=1,b", "a=", "=1", "a=1=2", "a@=1", "a@b@c=1", "a b=1", "a=\x01", "a=\xC3\xA4", "-a=1"})
    EXPECT_EQ(bounded_tracestate(wrong), "") << wrong;
  std::string many = "a0=1";
  for (int i = 1; i < 33; ++i) many += ",a" + std::to_string(i) + "=1";
  EXPECT_EQ(bounded_tracestate(many), "");
}

TEST(Tracestate, LosesLongMembersFirstAndThenTheOldest) {
  const std::string longest = "long=" + std::string(200, 'x');
  std::string many;
  for (int i = 0; i < 5; ++i) many += ",k" + std::to_string(i) + "=" + std::string(90, 'v');
  EXPECT_EQ(bounded_tracestate(longest + many), many.substr(1)) << "what fits without the long one stays whole";
  for (int i = 5; i < 9; ++i) many += ",k" + std::to_string(i) + "=" + std::string(90, 'v');
  const std::string bounded = bounded_tracestate(longest + many);
  EXPECT_LE(bounded.size(), kMaxTraceState);
  EXPECT_TRUE(bounded.starts_with("k0=")) << "the newest stand in front";
  EXPECT_EQ(bounded.find("k8="), std::string::npos);
}

TEST(TraceIds, AreDifferentAndNeverZeroOnAllThreads) {
  constexpr int kEach = 2000;
  std::vector<std::vector<TraceId>> made(4);
  {
    std::vector<std::jthread> threads;
    for (auto& mine : made)
      threads.emplace_back([&mine] {
        for (int i = 0; i < kEach; ++i) mine.push_back(new_trace_id());
      });
  }
  std::set<TraceId> all;
  for (const auto& mine : made) all.insert(mine.begin(), mine.end());
  EXPECT_EQ(all.size(), made.size() * kEach);
  EXPECT_FALSE(all.contains(TraceId{}));
  EXPECT_NE(new_span_id(), SpanId{});
}

TEST(TraceScope, NestsAndBelongsToItsThread) {
  EXPECT_FALSE(current_trace().valid());
  const auto outer = parse_traceparent(header("00", kTrace, kSpan, "01"));
  const TraceScope scope(*outer);
  {
    const TraceContext inner = Tracer::child_of(*outer);
    const TraceScope nested(inner);
    EXPECT_EQ(current_trace().span_id, inner.span_id);
    std::jthread([] { EXPECT_FALSE(current_trace().valid()); });
  }
  EXPECT_EQ(current_trace().span_id, outer->span_id);
}

TEST(Tracer, SamplesTheShareOfNewTracesThatItIsTold) {
  Spans spans;
  TraceContext caller;
  const auto share = [&](double ratio) {
    const Tracer tracer(spans, ratio);
    int sampled = 0;
    for (int i = 0; i < 4000; ++i) sampled += tracer.enter("", "", caller).sampled ? 1 : 0;
    return sampled;
  };
  EXPECT_EQ(share(0), 0);
  EXPECT_EQ(share(1), 4000);
  EXPECT_NEAR(share(0.25), 1000, 250);  // nine standard deviations
}

TEST(Segment, MeasuresNothingAndReadsNoClockWhenNobodyAsks) {
  Metrics metrics;
  StillClock clock;
  const Segment none = Segments{.metrics = metrics, .clock = clock, .timers = false}.of("run", "retrieval");
  { const auto timer = none.time(); }
  const Segment nothing;
  { const auto timer = nothing.time(); }
  EXPECT_EQ(clock.looks, 0);
  EXPECT_EQ(metrics.text(), "");
}

TEST(Segment, FillsItsHistogramAndAChildSpanOfASampledTrace) {
  Metrics metrics;
  StillClock clock;
  Spans spans;
  const Tracer tracer(spans, 1.0);
  const Segment segment = Segments{.metrics = metrics, .tracer = &tracer, .clock = clock}.of("run", "retrieval");
  const auto request = parse_traceparent(header("00", kTrace, kSpan, "01"));
  {
    const TraceScope scope(*request);
    const auto timer = segment.time();
    clock.steady += 2'000'000;
  }
  Histogram& seconds =
      metrics.histogram("nexusrag_segment_seconds", {{"route_class", "run"}, {"segment", "retrieval"}});
  EXPECT_EQ(seconds.sum(), 2.0);
  ASSERT_EQ(spans.all.size(), 1U);
  EXPECT_EQ(spans.all[0].name, "retrieval");
  EXPECT_EQ(spans.all[0].kind, SpanKind::kInternal);
  EXPECT_EQ(spans.all[0].context.trace_id, request->trace_id);
  EXPECT_EQ(spans.all[0].parent, request->span_id);
  EXPECT_NE(spans.all[0].context.span_id, request->span_id);
  EXPECT_EQ(spans.all[0].end - spans.all[0].begin, 2'000'000);
  EXPECT_EQ(spans.all[0].end, clock.now());

  const auto unsampled = parse_traceparent(header("00", kTrace, kSpan, "00"));
  { const auto timer = segment.time(*unsampled); }
  EXPECT_EQ(spans.all.size(), 1U);
}

TEST(Segment, SpansDoNotNeedTheTimers) {
  Metrics metrics;
  StillClock clock;
  Spans spans;
  const Tracer tracer(spans, 1.0);
  const Segment segment =
      Segments{.metrics = metrics, .tracer = &tracer, .clock = clock, .timers = false}.of("run", "retrieval");
  const auto request = parse_traceparent(header("00", kTrace, kSpan, "01"));
  { const auto timer = segment.time(*request); }
  EXPECT_EQ(spans.all.size(), 1U);
  EXPECT_EQ(metrics.text(), "");
}

}  // namespace
}  // namespace nexus::observe
