// What operators see: traces at a collector, metrics at a scrape.
#include "http/admin_kit.h"
#include "support/http_twin.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace nexus::testing {
namespace {

using ::testing::IsSupersetOf;

constexpr std::string_view kAsk = R"({"session_id":"s","corpus_id":"c1","message":"What is old?"})";
constexpr std::string_view kTrace = "4bf92f3577b34da6a3ce929d0e0e4736";
constexpr std::string_view kParent = "00f067aa0ba902b7";

std::string traceparent(std::string_view flags = "01") {
  return fmt::format("00-{}-{}-{}", kTrace, kParent, flags);
}

/// A server that exports to a collector of this test, until it is stopped.
class TracesHttp : public ::testing::Test {
 protected:
  TracesHttp() { start(); }

  void start(Changes changes = {}) {
    app_.reset();
    changes.emplace_back("OTEL_EXPORTER_OTLP_ENDPOINT", collector_.url(""));
    changes.emplace_back("OTEL_EXPORTER_OTLP_HEADERS", "x-collector-key=secret%20one");
    changes.emplace_back("OTEL_SERVICE_NAME", "search-prod");
    app_ = std::make_unique<TestApp>(changes);
  }
  /// All spans, when the server has sent what it had and stopped.
  std::vector<boost::json::object> spans() {
    app_.reset();
    std::vector<boost::json::object> all;
    for (const TwinRequest& request : collector_.requests()) {
      const boost::json::value body = json::parse(request.body);
      for (const boost::json::value& resource : body.at("resourceSpans").as_array())
        for (const boost::json::value& scope : resource.at("scopeSpans").as_array())
          for (const boost::json::value& span : scope.at("spans").as_array()) all.push_back(span.as_object());
    }
    return all;
  }
  std::vector<boost::json::object> spans_of(std::string_view trace) {
    std::vector<boost::json::object> all = spans();
    std::erase_if(all, [&](const boost::json::object& span) { return text_of(span.at("traceId")) != trace; });
    return all;
  }
  static std::string attribute(const boost::json::object& span, std::string_view name) {
    for (const boost::json::value& one : span.at("attributes").as_array())
      if (text_of(one.at("key")) == name) return json::write(one.at("value"));
    return "absent";
  }

  HttpTwin collector_;
  std::unique_ptr<TestApp> app_;
};

TEST_F(TracesHttp, ContinueTheCallersTrace) {
  TestClient client = app_->client();
  ASSERT_EQ(client
                .get("/v1/corpora?secret=1",
                     {{"traceparent", traceparent()}, {"tracestate", "vendor=1"}, {"X-Request-Id", "req-1"}})
                .status,
            200);
  const std::vector<boost::json::object> found = spans_of(kTrace);
  const auto server = std::find_if(found.begin(), found.end(),
                                   [](const boost::json::object& span) { return span.at("kind").as_int64() == 2; });
  ASSERT_NE(server, found.end()) << found.size();
  EXPECT_EQ(text_of(server->at("parentSpanId")), kParent);
  EXPECT_EQ(server->at("name"), "GET /v1/corpora");
  EXPECT_EQ(server->at("traceState"), "vendor=1");
  EXPECT_EQ(attribute(*server, "http.request.method"), R"({"stringValue":"GET"})");
  EXPECT_EQ(attribute(*server, "http.route"), R"({"stringValue":"/v1/corpora"})");
  EXPECT_EQ(attribute(*server, "http.response.status_code"), R"({"intValue":"200"})");
  EXPECT_EQ(attribute(*server, "nexusrag.request_id"), R"({"stringValue":"req-1"})");
  EXPECT_EQ(attribute(*server, "nexusrag.tenant_id"), R"({"stringValue":"t1"})");
  EXPECT_EQ(server->at("spanId").as_string().size(), 16U);
  EXPECT_LE(std::stoull(text_of(server->at("startTimeUnixNano"))), std::stoull(text_of(server->at("endTimeUnixNano"))));
  for (const boost::json::object& span : found) EXPECT_EQ(json::write(span).find("secret"), std::string::npos);
}

TEST_F(TracesHttp, SpeakOtlpToTheCollector) {
  ASSERT_EQ(app_->anonymous().get("/v1/health").status, 200);
  (void)spans();
  const std::vector<TwinRequest> sent = collector_.requests();
  ASSERT_FALSE(sent.empty());
  for (const TwinRequest& request : sent) {
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.target, "/v1/traces");
    EXPECT_EQ(*request.header("Content-Type"), "application/json");
    EXPECT_EQ(*request.header("x-collector-key"), "secret one");
    EXPECT_EQ(request.header("traceparent"), nullptr) << "an export is not traced itself";
    const boost::json::value body = json::parse(request.body);
    EXPECT_NE(json::write(body.at("resourceSpans").at(0).at("resource")).find("search-prod"), std::string::npos);
  }
}

TEST_F(TracesHttp, ShowTheSegmentsOfARunBelowItsRequest) {
  app_->make_corpus("c1");
  (void)app_->add_document("c1", "The moon is old.");
  TestClient client = app_->client();
  (void)client.open_stream("/v1/run", kAsk, {{"traceparent", traceparent()}}).rest();
  const std::vector<boost::json::object> found = spans_of(kTrace);
  std::string root;
  for (const boost::json::object& span : found)
    if (span.at("name") == "POST /v1/run") root = text_of(span.at("spanId"));
  ASSERT_FALSE(root.empty());
  std::set<std::string> children;
  for (const boost::json::object& span : found) {
    if (text_of(span.at("spanId")) == root) continue;
    EXPECT_EQ(text_of(span.at("parentSpanId")), root) << json::write(span);
    children.insert(text_of(span.at("name")));
  }
  EXPECT_THAT(children, IsSupersetOf({"auth_rbac", "persistence_pre_stream", "retrieval", "generation_stream",
                                      "sse_first_token", "persistence_post_stream", "sse_completion"}));
}

TEST_F(TracesHttp, BeginATraceWhereTheCallersCannotBeRead) {
  TestClient client = app_->client();
  for (const std::string& header :
       {std::string("garbage"), fmt::format("00-{}-{}-01", std::string(32, '0'), kParent),
        fmt::format("ff-{}-{}-01", kTrace, kParent), fmt::format("00-{}-{}-01", kTrace, std::string(16, '0'))})
    EXPECT_EQ(client.get("/v1/corpora", {{"traceparent", header}}).status, 200) << header;
  std::size_t roots = 0;
  for (const boost::json::object& span : spans()) {
    EXPECT_NE(text_of(span.at("traceId")), kTrace);
    if (span.at("name") == "GET /v1/corpora" && !span.contains("parentSpanId")) ++roots;
  }
  EXPECT_EQ(roots, 4U);
}

TEST_F(TracesHttp, LeaveOutWhatTheCallerDoesNotSample) {
  TestClient client = app_->client();
  ASSERT_EQ(client.get("/v1/corpora", {{"traceparent", traceparent("00")}}).status, 200);
  EXPECT_TRUE(spans_of(kTrace).empty());
}

TEST_F(TracesHttp, TellOfRefusedRequestsToo) {
  ASSERT_EQ(app_->anonymous().get("/v1/corpora", {{"traceparent", traceparent()}}).status, 401);
  ASSERT_EQ(app_->anonymous().get("/v1/nowhere/17", {{"traceparent", traceparent()}}).status, 404);
  std::set<std::string> told;
  for (const boost::json::object& span : spans_of(kTrace))
    if (span.at("kind").as_int64() == 2)
      told.insert(text_of(span.at("name")) + " " + attribute(span, "http.response.status_code"));
  EXPECT_EQ(told, (std::set<std::string>{R"(GET /v1/corpora {"intValue":"401"})", R"(GET {"intValue":"404"})"}))
      << "a path that nobody knows is no name";
}

TEST_F(TracesHttp, GoOnWhenTheCollectorIsGone) {
  collector_.always(twin_status(503));
  TestClient client = app_->client();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(client.get("/v1/corpora").status, 200);
  app_.reset();
  EXPECT_FALSE(collector_.requests().empty());
}

TEST(UntracedHttp, ExportNothingWithoutACollector) {
  HttpTwin collector;
  {
    TestApp app(Changes{{"OTEL_EXPORTER_OTLP_HEADERS", "a=b"}});
    TestClient client = app.client();
    EXPECT_EQ(client.get("/v1/corpora", {{"traceparent", traceparent()}}).status, 200);
    const Response metrics = client.get("/v1/metrics");
    EXPECT_EQ(metrics.body.find("nexusrag_trace_spans_total{"), std::string::npos);
  }
  EXPECT_EQ(collector.connections(), 0U);
}

/// A scrape: samples by their whole name with labels, and what is declared of families. Checks the text format on the
/// way, as promtool does.
struct Scrape {
  std::map<std::string, double> samples;
  std::map<std::string, std::string> types;

  explicit Scrape(const std::string& text) { read(text); }

  [[nodiscard]] double value(const std::string& series) const {
    const auto found = samples.find(series);
    return found == samples.end() ? 0 : found->second;
  }

 private:
  void read(const std::string& text) {
    EXPECT_TRUE(text.ends_with("\n"));
    std::istringstream lines(text);
    std::set<std::string> helped;
    std::string current;
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      if (line.starts_with("# ")) {
        std::string hash;
        std::string keyword;
        std::string name;
        std::string rest;
        words >> hash >> keyword >> name;
        std::getline(words, rest);
        if (keyword == "HELP") {
          EXPECT_TRUE(helped.insert(name).second) << "two HELP of " << name;
          EXPECT_GT(rest.size(), 1U) << name;
          continue;
        }
        ASSERT_EQ(keyword, "TYPE") << line;
        EXPECT_TRUE(types.emplace(name, rest.substr(1)).second) << "two TYPE of " << name;
        EXPECT_TRUE(helped.contains(name)) << "no HELP before TYPE of " << name;
        current = name;
        continue;
      }
      add_sample(line, current);
    }
    check_histograms();
  }

  void add_sample(const std::string& line, const std::string& family) {
    const auto space = line.rfind(' ');
    ASSERT_NE(space, std::string::npos) << line;
    const std::string series = line.substr(0, space);
    const std::string name = series.substr(0, series.find('{'));
    EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:"),
              std::string::npos)
        << line;
    EXPECT_TRUE(name.starts_with("nexusrag_")) << line;
    const bool histogram = types[family] == "histogram";
    const bool belongs =
        histogram ? name == family + "_bucket" || name == family + "_sum" || name == family + "_count" : name == family;
    EXPECT_TRUE(belongs) << line << " stands below " << family;
    EXPECT_TRUE(types[family] != "counter" || name.ends_with("_total")) << line;
    EXPECT_TRUE(series.size() == name.size() || series.ends_with("\"}")) << line;
    std::size_t read = 0;
    const std::string number = line.substr(space + 1);
    const double value = std::stod(number, &read);
    EXPECT_EQ(read, number.size()) << line;
    EXPECT_TRUE(samples.emplace(series, value).second) << "two samples of " << series;
    if (!histogram || !name.ends_with("_bucket")) return;
    const std::string which = series.substr(0, series.rfind("le="));
    EXPECT_TRUE(which != bucket_ || value >= bucket_value_) << series << " is not cumulative";
    bucket_ = which;
    bucket_value_ = value;
  }

  /// Buckets end with +Inf, which is the count.
  void check_histograms() {
    for (const auto& [series, count] : samples) {
      const std::string name = series.substr(0, series.find('{'));
      if (!name.ends_with("_count") || types[name.substr(0, name.size() - 6)] != "histogram") continue;
      std::string labels = series.size() > name.size() ? series.substr(name.size() + 1) : "}";
      labels.pop_back();
      const std::string bucket = name.substr(0, name.size() - 6) + "_bucket{" + labels + (labels.empty() ? "" : ",");
      const auto last = samples.find(bucket + "le=\"+Inf\"}");
      ASSERT_NE(last, samples.end()) << series;
      EXPECT_EQ(last->second, count) << series;
    }
  }

  std::string bucket_;  // the histogram series whose buckets are being read
  double bucket_value_ = 0;
};

class MetricsHttp : public AdminTest {
 protected:
  MetricsHttp()
      : AdminTest(Changes{
            {"RATE_LIMIT_ENABLED", "true"}, {"RL_KEY_MUTATION_RPS", "0.001"}, {"RL_KEY_MUTATION_BURST", "3"}}) {}

  Scrape scrape() {
    const Response got = app_.anonymous().get("/v1/metrics");
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(*got.header("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
    return Scrape(got.body);
  }
  /// A request is counted when its last byte is out, which a client may see a moment earlier.
  Scrape scrape_until(const std::function<bool(const Scrape&)>& seen) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    for (;;) {
      Scrape now = scrape();
      if (seen(now)) return now;
      if (std::chrono::steady_clock::now() > until) throw std::runtime_error("the metrics did not move in time");
      std::this_thread::yield();
    }
  }
};

TEST_F(MetricsHttp, CountRequestsRefusalsAndStepsUpwards) {
  app_.make_corpus("c1");
  const Scrape before = scrape();
  const std::string reads = R"(nexusrag_requests_total{route_class="read",status_family="2xx"})";
  const std::string runs = R"(nexusrag_requests_total{route_class="run",status_family="2xx"})";
  const std::string mutations = R"(nexusrag_requests_total{route_class="mutation",status_family="4xx"})";
  (void)client_.open_stream("/v1/run", kAsk).rest();
  EXPECT_EQ(client_.get("/v1/corpora").status, 200);
  EXPECT_EQ(client_.patch("/v1/corpora/c1", R"({"name":"a"})").status, 200);
  EXPECT_EQ(client_.patch("/v1/corpora/c1", R"({"name":"b"})").status, 200);
  EXPECT_EQ(client_.patch("/v1/admin/quotas/t1", R"({"daily_requests_limit":0})").status, 200);
  EXPECT_EQ(client_.patch("/v1/corpora/c1", R"({"name":"c"})").status, 429);
  EXPECT_EQ(client_.get("/v1/corpora").status, 402);
  const Scrape after = scrape_until([&](const Scrape& now) {
    return now.value(R"(nexusrag_requests_total{route_class="read",status_family="4xx"})") >
           before.value(R"(nexusrag_requests_total{route_class="read",status_family="4xx"})");
  });
  EXPECT_GE(after.value(reads), before.value(reads) + 1);
  EXPECT_EQ(after.value(runs), before.value(runs) + 1);
  EXPECT_EQ(after.value(mutations), before.value(mutations) + 1);
  EXPECT_EQ(after.value("nexusrag_rate_limited_total"), before.value("nexusrag_rate_limited_total") + 1);
  EXPECT_EQ(after.value("nexusrag_quota_exceeded_total"), before.value("nexusrag_quota_exceeded_total") + 1);
  EXPECT_EQ(after.value("nexusrag_sse_streams_completed_total"),
            before.value("nexusrag_sse_streams_completed_total") + 1);
  EXPECT_TRUE(after.types.contains("nexusrag_server_errors_total"));
  for (const auto& [series, value] : before.samples) {
    const std::string name = series.substr(0, series.find('{'));
    const auto type = before.types.find(name);
    if (type != before.types.end() && type->second == "gauge") continue;
    EXPECT_GE(after.value(series), value) << series << " went back";
  }
}

TEST_F(MetricsHttp, ShowTheSegmentsAndLatenciesOfARun) {
  app_.make_corpus("c1");
  (void)client_.open_stream("/v1/run", kAsk).rest();
  const std::string total = R"(nexusrag_request_latency_ms_count{route_class="run"})";
  const Scrape now = scrape_until([&](const Scrape& one) { return one.value(total) == 1; });
  for (const char* segment : {"auth_rbac", "persistence_pre_stream", "retrieval", "generation_stream",
                              "sse_first_token", "persistence_post_stream", "sse_completion"})
    EXPECT_GE(now.value(fmt::format(R"(nexusrag_segment_seconds_count{{route_class="run",segment="{}"}})", segment)), 1)
        << segment;
  for (const char* le : {"25", "50", "100", "250", "500", "1000", "2000", "5000", "+Inf"})
    EXPECT_TRUE(
        now.samples.contains(fmt::format(R"(nexusrag_request_latency_ms_bucket{{route_class="run",le="{}"}})", le)))
        << le;
}

TEST_F(MetricsHttp, NameNobody) {
  app_.make_corpus("private-corpus");
  (void)client_.get("/v1/documents/very-private");
  const Response got = app_.anonymous().get("/v1/metrics");
  for (const char* word : {"private", "\"t1\"", "nrgk_"}) EXPECT_EQ(got.body.find(word), std::string::npos) << word;
}

TEST(GuardedMetricsHttp, AskForTheirToken) {
  TestApp app(Changes{{"METRICS_TOKEN", "scrape-me-0123456789"}});
  TestClient anybody = app.anonymous();
  EXPECT_EQ(anybody.get("/v1/metrics").status, 401);
  EXPECT_EQ(anybody.get("/v1/metrics", {{"Authorization", "Bearer scrape-me"}}).status, 401);
  EXPECT_EQ(anybody.get("/v1/metrics", {{"Authorization", "Bearer scrape-me-0123456789"}}).status, 200);
}

}  // namespace
}  // namespace nexus::testing
