#include "observe/metrics.h"

#include "observe/metrics_table.h"
#include "observe/metrics_text.h"

#include <gmock/gmock.h>

#include <limits>
#include <set>
#include <sstream>
#include <thread>

namespace nexus::observe {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST(MetricsTable, RowsAreWellFormed) {
  std::set<std::string_view> names;
  for (const Family& family : metric_families()) {
    EXPECT_TRUE(names.insert(family.name).second) << family.name;
    EXPECT_TRUE(family.name.starts_with("nexusrag_")) << family.name;
    EXPECT_EQ(family.type == MetricType::kHistogram, !family.bounds.empty()) << family.name;
    EXPECT_TRUE(std::is_sorted(family.bounds.begin(), family.bounds.end())) << family.name;
    EXPECT_TRUE(family.help.ends_with('.')) << family.name;
    if (family.type == MetricType::kCounter) {
      EXPECT_TRUE(family.name.ends_with("_total")) << family.name;
    }
  }
}

TEST(MetricsTable, KeepsTheNamesOfTheContract) {
  const std::vector<std::string> names = metric_names();
  for (const char* line :
       {"nexusrag_requests_total counter route_class,status_family",
        "nexusrag_request_latency_ms histogram route_class", "nexusrag_rate_limited_total counter",
        "nexusrag_circuit_breaker_transition_total_{integration}_{state}_total counter",
        "nexusrag_failover_requests_total_{outcome}_total counter", "nexusrag_region_readiness_score_{region} gauge",
        "nexusrag_encrypted_sensitive_items_total gauge", "nexusrag_lane_depth gauge lane"})
    EXPECT_THAT(names, ::testing::Contains(line));
}

TEST(Metrics, PrintsNothingBeforeAnythingIsUsed) {
  EXPECT_EQ(Metrics().text(), "");
}

TEST(Metrics, PrintsCountersAndGaugesInTableOrder) {
  Metrics metrics;
  metrics.gauge("nexusrag_lane_depth", {{"lane", "db"}}).set(2.5);
  metrics.counter("nexusrag_requests_total", {{"status_family", "2xx"}, {"route_class", "run"}}).add(3);
  metrics.counter("nexusrag_requests_total", {{"route_class", "run"}, {"status_family", "2xx"}}).add();
  metrics.counter("nexusrag_requests_total", {{"route_class", "ops"}, {"status_family", "5xx"}}).add();
  EXPECT_EQ(metrics.text(),
            "# HELP nexusrag_requests_total Requests answered.\n"
            "# TYPE nexusrag_requests_total counter\n"
            "nexusrag_requests_total{route_class=\"ops\",status_family=\"5xx\"} 1\n"
            "nexusrag_requests_total{route_class=\"run\",status_family=\"2xx\"} 4\n"
            "# HELP nexusrag_lane_depth Tasks waiting in a lane.\n"
            "# TYPE nexusrag_lane_depth gauge\n"
            "nexusrag_lane_depth{lane=\"db\"} 2.5\n");
}

TEST(Metrics, PrintsCumulativeHistograms) {
  Metrics metrics;
  Histogram& latency = metrics.histogram("nexusrag_request_latency_ms", {{"route_class", "run"}});
  for (const double ms : {10.0, 25.0, 25.1, 4000.0, 9000.0}) latency.observe(ms);
  latency.observe(std::numeric_limits<double>::quiet_NaN());
  const auto lines = lines_of(metrics.text());
  ASSERT_EQ(lines.size(), 13u);
  EXPECT_EQ(lines[1], "# TYPE nexusrag_request_latency_ms histogram");
  EXPECT_EQ(lines[2], "nexusrag_request_latency_ms_bucket{route_class=\"run\",le=\"25\"} 2");
  EXPECT_EQ(lines[3], "nexusrag_request_latency_ms_bucket{route_class=\"run\",le=\"50\"} 3");
  EXPECT_EQ(lines[9], "nexusrag_request_latency_ms_bucket{route_class=\"run\",le=\"5000\"} 4");
  EXPECT_EQ(lines[10], "nexusrag_request_latency_ms_bucket{route_class=\"run\",le=\"+Inf\"} 5");
  EXPECT_EQ(lines[11], "nexusrag_request_latency_ms_sum{route_class=\"run\"} 13060.1");
  EXPECT_EQ(lines[12], "nexusrag_request_latency_ms_count{route_class=\"run\"} 5");
}

TEST(Metrics, RepeatsLabelledSeriesUnderTheirFormerNames) {
  Metrics metrics;
  metrics.counter("nexusrag_circuit_breaker_transitions_total", {{"integration", "tts.openai"}, {"state", "open"}})
      .add(2);
  metrics.gauge("nexusrag_replication_lag_seconds", {{"region", "eu-west-1"}}).set(7);
  metrics.gauge("nexusrag_replication_lag_seconds", {{"region", "eu_west_1"}}).set(8);
  const std::string text = metrics.text();
  EXPECT_THAT(text,
              HasSubstr("nexusrag_circuit_breaker_transitions_total{integration=\"tts.openai\",state=\"open\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE nexusrag_circuit_breaker_transition_total_tts_openai_open_total counter\n"
                              "nexusrag_circuit_breaker_transition_total_tts_openai_open_total 2\n"));
  EXPECT_THAT(text, HasSubstr("\nnexusrag_replication_lag_seconds_eu_west_1 7\n"));
  EXPECT_THAT(text, Not(HasSubstr("nexusrag_replication_lag_seconds_eu_west_1 8\n"))) << "a family stands once";
}

TEST(Metrics, EscapesLabelValues) {
  Metrics metrics;
  metrics.counter("nexusrag_auth_failures_total", {{"code", "a\"b\\c\nd"}}).add();
  EXPECT_THAT(metrics.text(), HasSubstr(R"(nexusrag_auth_failures_total{code="a\"b\\c\nd"} 1)"));
}

TEST(Metrics, CountsWhatExceedsTheBoundUnderOther) {
  Metrics metrics;
  for (int i = 0; i < 1000; ++i) metrics.counter("nexusrag_auth_failures_total", {{"code", std::to_string(i)}}).add();
  const std::string text = metrics.text();
  EXPECT_EQ(lines_of(text).size(), 2u + 64u + 1u);
  EXPECT_THAT(text, HasSubstr("nexusrag_auth_failures_total{code=\"other\"} 936\n"));
  metrics.counter("nexusrag_auth_failures_total", {{"code", "5"}}).add();
  EXPECT_THAT(metrics.text(), HasSubstr("nexusrag_auth_failures_total{code=\"5\"} 2\n"));
}

TEST(Metrics, RefusesWhatTheTableDoesNotKnow) {
  Metrics metrics;
  EXPECT_THROW(metrics.counter("nexusrag_unheard_of_total"), std::logic_error);
  EXPECT_THROW(metrics.gauge("nexusrag_rate_limited_total"), std::logic_error);
  EXPECT_THROW(metrics.counter("nexusrag_requests_total", {{"route_class", "run"}}), std::logic_error);
  EXPECT_THROW(metrics.counter("nexusrag_requests_total", {{"route_class", "run"}, {"x", "y"}}), std::logic_error);
}

TEST(Metrics, HandsOutTheSameSeriesForTheSameLabels) {
  Metrics metrics;
  Counter& first = metrics.counter("nexusrag_rate_limited_total");
  for (int i = 0; i < 100; ++i) (void)metrics.counter("nexusrag_auth_failures_total", {{"code", std::to_string(i)}});
  EXPECT_EQ(&first, &metrics.counter("nexusrag_rate_limited_total"));
}

TEST(Metrics, LosesNothingUnderConcurrentUse) {
  Metrics metrics;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&metrics, t] {
      for (int i = 0; i < 2000; ++i) {
        metrics.counter("nexusrag_auth_failures_total", {{"code", std::to_string(i % 8)}}).add();
        metrics.histogram("nexusrag_lane_wait_seconds", {{"lane", "db"}}).observe(0.5);
        metrics.gauge("nexusrag_lane_depth", {{"lane", "db"}}).add(t % 2 == 0 ? 1 : -1);
        if (i % 500 == 0) (void)metrics.text();
      }
    });
  for (std::thread& thread : threads) thread.join();
  const std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr("nexusrag_auth_failures_total{code=\"3\"} 1000\n"));
  EXPECT_THAT(text, HasSubstr("nexusrag_lane_wait_seconds_count{lane=\"db\"} 8000\n"));
  EXPECT_THAT(text, HasSubstr("nexusrag_lane_wait_seconds_sum{lane=\"db\"} 4000\n"));
  EXPECT_THAT(text, HasSubstr("nexusrag_lane_depth{lane=\"db\"} 0\n"));
}

TEST(MetricNumber, IsSpelledAsTheFormatAsks) {
  EXPECT_EQ(metric_number(0), "0");
  EXPECT_EQ(metric_number(-3), "-3");
  EXPECT_EQ(metric_number(0.00005), "5e-05");
  EXPECT_EQ(metric_number(0.1), "0.1");
  EXPECT_EQ(metric_number(1e300), "1e+300");
  EXPECT_EQ(metric_number(std::numeric_limits<double>::infinity()), "+Inf");
  EXPECT_EQ(metric_number(std::numeric_limits<double>::quiet_NaN()), "NaN");
}

}  // namespace
}  // namespace nexus::observe
