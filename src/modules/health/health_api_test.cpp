#include "modules/health/health_api.h"

#include "base/error.h"
#include "support/call_fixture.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>

namespace nexus::health {
namespace {

struct Clinic {
  testing::TestCall t;
  std::string problem;
  std::atomic<bool> stopping{false};

  [[nodiscard]] HealthApi api(std::string token = "") {
    return HealthApi(t.clock, t.metrics,
                     {.checks = {{.name = "database", .problem = [this] { return problem; }}}, .stopping = &stopping},
                     Secret(std::move(token)));
  }
};

TEST(Health, SaysThatTheServerAnswers) {
  Clinic c;
  EXPECT_EQ(c.api().health(c.t.call).body, R"({"status":"ok"})");
  EXPECT_EQ(c.api().livez(c.t.call).body, R"({"status":"ok"})");
  EXPECT_EQ(c.api().healthz(c.t.call).body, R"({"status":"ok","ts":"2026-02-17T10:00:00+00:00"})");
}

TEST(Health, IsReadyOnlyWhileEveryCheckIsWell) {
  Clinic c;
  EXPECT_EQ(c.api().readyz(c.t.call).status, 200);
  EXPECT_EQ(c.api().readyz(c.t.call).body, R"({"checks":{"database":"ok"},"status":"ready"})");
  c.problem = "unavailable";
  EXPECT_EQ(c.api().readyz(c.t.call).status, 503);
  EXPECT_EQ(c.api().readyz(c.t.call).body, R"({"checks":{"database":"unavailable"},"status":"unavailable"})");
}

TEST(Health, IsNotReadyWhileItStops) {
  Clinic c;
  c.stopping = true;
  const http::Reply reply = c.api().readyz(c.t.call);
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.body, R"({"checks":{"shutdown":"in progress","database":"ok"},"status":"unavailable"})");
}

int metrics_status(Clinic& c, const HealthApi& api) {
  try {
    return api.metrics(c.t.call).status;
  } catch (const ApiError& e) {
    EXPECT_EQ(e.headers(), (ApiError::Headers{{"WWW-Authenticate", "Bearer"}}));
    return e.kind().status;
  }
}

TEST(Metrics, AreOpenWithoutATokenAndClosedWithOne) {
  Clinic c;
  c.t.metrics.counter("nexusrag_service_busy_total").add();
  const http::Reply reply = c.api().metrics(c.t.call);
  EXPECT_EQ(reply.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_NE(reply.body.find("nexusrag_service_busy_total 1"), std::string::npos);

  const HealthApi closed = c.api("token-1");
  EXPECT_EQ(metrics_status(c, closed), 401);
  for (const char* wrong :
       {"token-1", "Bearer token-2", "Bearer token-1 ", "Bearer ", "bearer token-1", "Basic token-1"}) {
    c.t.request.headers = {{"Authorization", wrong}};
    EXPECT_EQ(metrics_status(c, closed), 401) << wrong;
  }
  c.t.request.headers = {{"authorization", "Bearer token-1"}};
  EXPECT_EQ(metrics_status(c, closed), 200);
}

TEST(Health, ItsRowsArePublicAndOutsideThePipeline) {
  Clinic c;
  for (const http::Endpoint& row : c.api().endpoints()) {
    EXPECT_FALSE(row.spec.role) << row.spec.path;
    EXPECT_EQ(row.spec.route_class, http::RouteClass::kNone) << row.spec.path;
  }
}

}  // namespace
}  // namespace nexus::health
