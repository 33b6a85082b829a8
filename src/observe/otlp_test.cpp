#include "observe/otlp.h"

#include "json/json.h"

#include <gmock/gmock.h>

#include <future>
#include <stdexcept>

namespace nexus::observe {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

Span span_named(std::string name) {
  Span span;
  span.context = *parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  span.name = std::move(name);
  span.begin = {1'771'322'400'000'001};
  span.end = {1'771'322'400'250'000};
  return span;
}

std::vector<std::string> names_in(const std::string& body) {
  std::vector<std::string> names;
  const boost::json::value value = json::parse(body);
  for (const auto& span : value.at("resourceSpans").at(0).at("scopeSpans").at(0).at("spans").as_array())
    names.emplace_back(span.at("name").as_string());
  return names;
}

/// Counts of one exporter.
struct Counts {
  explicit Counts(Metrics& metrics) : metrics_(metrics) {}
  std::uint64_t operator[](const char* outcome) const {
    return metrics_.counter("nexusrag_trace_spans_total", {{"outcome", outcome}}).value();
  }

 private:
  Metrics& metrics_;
};

TEST(OtlpJson, IsTheJsonMappingOfTheProtocol) {
  Span server = span_named("POST /v1/run");
  server.kind = SpanKind::kServer;
  server.status = SpanStatus::kError;
  server.parent = parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01")->span_id;
  server.parent_remote = true;
  server.context.trace_state = "rojo=1";
  server.attributes = {{"http.route", std::string("/v1/\"run\"")},
                       {"http.response.status_code", std::int64_t{500}},
                       {"share", 0.5},
                       {"gone", true}};
  const Span plain = span_named("retrieval");
  EXPECT_EQ(otlp_json({.service_name = "rag", .version = "1.2", .instance_id = "host-1"}, std::vector{server, plain}),
            R"({"resourceSpans":[{"resource":{"attributes":[)"
            R"({"key":"service.name","value":{"stringValue":"rag"}},)"
            R"({"key":"service.version","value":{"stringValue":"1.2"}},)"
            R"({"key":"service.instance.id","value":{"stringValue":"host-1"}}]},)"
            R"("scopeSpans":[{"scope":{"name":"nexusrag"},"spans":[)"
            R"({"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","traceState":"rojo=1",)"
            R"("parentSpanId":"00f067aa0ba902b7","flags":769,"name":"POST /v1/run","kind":2,)"
            R"("startTimeUnixNano":"1771322400000001000","endTimeUnixNano":"1771322400250000000","attributes":[)"
            R"({"key":"http.route","value":{"stringValue":"/v1/\"run\""}},)"
            R"({"key":"http.response.status_code","value":{"intValue":"500"}},)"
            R"({"key":"share","value":{"doubleValue":0.5}},)"
            R"({"key":"gone","value":{"boolValue":true}}],"status":{"code":2}},)"
            R"({"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","flags":257,)"
            R"("name":"retrieval","kind":1,"startTimeUnixNano":"1771322400000001000",)"
            R"("endTimeUnixNano":"1771322400250000000","attributes":[],"status":{}}]}]}]})");
}

TEST(OtlpSettings, EndpointAndHeaders) {
  EXPECT_EQ(otlp_traces_url("http://collector:4318"), "http://collector:4318/v1/traces");
  EXPECT_EQ(otlp_traces_url("https://c/otlp//"), "https://c/otlp/v1/traces");
  EXPECT_THAT(parse_otlp_headers("api-key=a%20b%3D, X-Org = 7 ,,=no,no value,bad name=1,split=a%0D%0Ab: c"),
              ElementsAre(Pair("api-key", "a b="), Pair("X-Org", "7")));
  EXPECT_TRUE(parse_otlp_headers("").empty());
}

TEST(OtlpExporter, SendsBatchesInOrderAndWhatIsLeftWhenItStops) {
  Metrics metrics;
  std::vector<std::string> bodies;
  OtlpExporter exporter([&](std::string body, const std::stop_token&) { bodies.push_back(std::move(body)); },
                        {.batch_spans = 2, .linger = std::chrono::hours(1), .most_stop = std::chrono::minutes(5)},
                        metrics);
  for (const char* name : {"a", "b", "c"}) exporter.submit(span_named(name));
  exporter.stop();
  ASSERT_EQ(bodies.size(), 2U);
  EXPECT_THAT(names_in(bodies[0]), ElementsAre("a", "b"));
  EXPECT_THAT(names_in(bodies[1]), ElementsAre("c"));
  EXPECT_EQ(Counts(metrics)["exported"], 3U);
  exporter.submit(span_named("late"));
  exporter.stop();
  EXPECT_EQ(Counts(metrics)["dropped"], 1U);
}

TEST(OtlpExporter, DropsTheOldestWhenTheCollectorIsSlow) {
  Metrics metrics;
  std::promise<void> sending;
  std::promise<void> collector;
  auto ready = collector.get_future().share();
  std::vector<std::string> names;
  bool first = true;
  OtlpExporter exporter(
      [&](const std::string& body, const std::stop_token&) {
        if (std::exchange(first, false)) {
          sending.set_value();
          ready.wait();
        }
        for (std::string& name : names_in(body)) names.push_back(std::move(name));
      },
      {.queue_spans = 2, .batch_spans = 1, .linger = {}, .most_stop = std::chrono::minutes(5)}, metrics);
  exporter.submit(span_named("in flight"));
  sending.get_future().wait();
  for (const char* name : {"1", "2", "3", "4"}) exporter.submit(span_named(name));  // returns at once
  EXPECT_EQ(Counts(metrics)["dropped"], 2U);
  collector.set_value();
  exporter.stop();
  EXPECT_THAT(names, ElementsAre("in flight", "3", "4"));
}

TEST(OtlpExporter, GoesOnWhenTheCollectorFails) {
  Metrics metrics;
  int calls = 0;
  OtlpExporter exporter(
      [&](const std::string&, const std::stop_token&) {
        if (++calls == 1) throw std::runtime_error("503");
      },
      {.batch_spans = 1, .most_stop = std::chrono::minutes(5)}, metrics);
  exporter.submit(span_named("a"));
  exporter.submit(span_named("b"));
  exporter.stop();
  EXPECT_EQ(Counts(metrics)["failed"], 1U);
  EXPECT_EQ(Counts(metrics)["exported"], 1U);
}

TEST(OtlpExporter, StopsInTimeWhenTheCollectorHangs) {
  Metrics metrics;
  std::promise<void> sending;
  OtlpExporter exporter(
      [&](const std::string&, const std::stop_token& stop) {
        std::promise<void> stopped;
        const std::stop_callback on_stop(stop, [&] { stopped.set_value(); });
        sending.set_value();
        stopped.get_future().wait();
        throw std::runtime_error("cancelled");
      },
      {.batch_spans = 1, .linger = {}, .most_stop = std::chrono::milliseconds(1)}, metrics);
  exporter.submit(span_named("a"));
  sending.get_future().wait();
  exporter.submit(span_named("b"));
  exporter.stop();  // would hang without its bound
  EXPECT_EQ(Counts(metrics)["failed"], 1U);
  EXPECT_EQ(Counts(metrics)["dropped"], 1U);
}

}  // namespace
}  // namespace nexus::observe
