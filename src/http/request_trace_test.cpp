#include "http/request_trace.h"

#include "http/stream.h"
#include "observe/otlp.h"
#include "support/call_fixture.h"

#include <gtest/gtest.h>

namespace nexus::http {
namespace {

class Spans final : public observe::SpanSink {
 public:
  void submit(observe::Span span) noexcept override { all.push_back(std::move(span)); }
  std::vector<observe::Span> all;
};

constexpr std::string_view kParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

Request with_headers(Pairs headers) {
  Request request;
  request.headers = std::move(headers);
  return request;
}

std::string text_of(const observe::Span& span, std::string_view name) {
  for (const observe::Attribute& attribute : span.attributes)
    if (attribute.name == name) {
      if (const auto* text = std::get_if<std::string>(&attribute.value)) return *text;
      if (const auto* number = std::get_if<std::int64_t>(&attribute.value)) return std::to_string(*number);
      return std::get<bool>(attribute.value) ? "true" : "false";
    }
  return "-";
}

TEST(RequestTrace, ContinuesTheCallersTraceAndKeepsItsDecision) {
  Spans spans;
  const observe::Tracer tracer(spans, 1.0);
  const RequestTrace trace = enter_trace(
      tracer, with_headers({{"TraceParent", std::string(kParent)}, {"tracestate", "a=1"}, {"Tracestate", "b=2"}}));
  EXPECT_EQ(observe::traceparent(trace.caller), kParent);
  EXPECT_EQ(trace.context.trace_id, trace.caller.trace_id);
  EXPECT_NE(trace.context.span_id, trace.caller.span_id);
  EXPECT_TRUE(trace.context.sampled);
  EXPECT_EQ(trace.context.trace_state, "a=1,b=2");
  const std::string unsampled = std::string(kParent.substr(0, 53)) + "00";
  EXPECT_FALSE(enter_trace(tracer, with_headers({{"traceparent", unsampled}})).context.sampled);
}

TEST(RequestTrace, BeginsATraceWhenTheHeaderIsMissingBrokenOrTwofold) {
  Spans spans;
  const observe::Tracer tracer(spans, 1.0);
  for (const Pairs& headers : {Pairs{}, Pairs{{"traceparent", "00-zz"}, {"tracestate", "a=1"}},
                               Pairs{{"traceparent", std::string(kParent)}, {"traceparent", std::string(kParent)}}}) {
    const RequestTrace trace = enter_trace(tracer, with_headers(headers));
    EXPECT_TRUE(trace.context.valid());
    EXPECT_FALSE(trace.caller.valid());
    EXPECT_NE(observe::traceparent(trace.context).substr(0, 35), kParent.substr(0, 35));
    EXPECT_EQ(trace.context.trace_state, "");
  }
}

TEST(RequestTrace, TheServerSpanNamesRouteStatusAndTenantAndNoContent) {
  testing::TestCall t;
  Spans spans;
  const observe::Tracer tracer(spans, 1.0);
  Endpoint row;
  row.spec.path = "/documents/{document_id}";
  Exchange exchange;
  exchange.request.verb = Verb::kGet;
  exchange.request.method = "GET";
  exchange.request.path = "/v1/documents/secret-name";
  exchange.request.target = "/v1/documents/secret-name?q=secret";
  exchange.request_id = "req-7";
  exchange.endpoint = &row;
  exchange.call = std::make_unique<Call>(exchange.request, row);
  exchange.call->authenticated({.subject_id = "u1", .tenant_id = "t9"}, testing::TenantScopeFactory::make("t9"));
  exchange.total_us = 1500;
  const RequestTrace trace = enter_trace(tracer, with_headers({{"traceparent", std::string(kParent)}}));
  submit_server_span(tracer, trace, exchange, 503, Timestamp{2'000'000});

  ASSERT_EQ(spans.all.size(), 1U);
  const observe::Span& span = spans.all.front();
  EXPECT_EQ(span.name, "GET /v1/documents/{document_id}");
  EXPECT_EQ(span.kind, observe::SpanKind::kServer);
  EXPECT_EQ(span.status, observe::SpanStatus::kError);
  EXPECT_EQ(span.parent, trace.caller.span_id);
  EXPECT_TRUE(span.parent_remote);
  EXPECT_EQ(span.end - span.begin, 1500);
  EXPECT_EQ(text_of(span, "http.route"), "/v1/documents/{document_id}");
  EXPECT_EQ(text_of(span, "http.response.status_code"), "503");
  EXPECT_EQ(text_of(span, "error.type"), "503");
  EXPECT_EQ(text_of(span, "nexusrag.request_id"), "req-7");
  EXPECT_EQ(text_of(span, "nexusrag.tenant_id"), "t9");
  EXPECT_EQ(observe::otlp_json({}, spans.all).find("secret"), std::string::npos);
}

TEST(RequestTrace, UnmatchedAndUnsampledRequests) {
  Spans spans;
  const observe::Tracer tracer(spans, 1.0);
  Exchange exchange;
  exchange.request.verb = Verb::kOther;
  exchange.request.method = "BREW-0123456789";
  RequestTrace trace = enter_trace(tracer, exchange.request);
  submit_server_span(tracer, trace, exchange, 404, Timestamp{1});
  ASSERT_EQ(spans.all.size(), 1U);
  EXPECT_EQ(spans.all.front().name, "HTTP") << "a name that a stranger chose is not kept";
  EXPECT_EQ(text_of(spans.all.front(), "http.request.method"), "_OTHER");
  EXPECT_EQ(text_of(spans.all.front(), "http.route"), "-");
  EXPECT_EQ(spans.all.front().status, observe::SpanStatus::kUnset) << "a 4xx is the caller's failure";
  trace.context.sampled = false;
  submit_server_span(tracer, trace, exchange, 200, Timestamp{1});
  EXPECT_EQ(spans.all.size(), 1U);
}

}  // namespace
}  // namespace nexus::http
