// What the gates cost a request: the same admitted and executed request with every gate on, and with those behind the
// role switched out. No HTTP, no handler work; one thread and two.
#include "app/core.h"
#include "app/enforcement.h"
#include "app/pipeline.h"
#include "http/endpoint.h"
#include "http/stream.h"
#include "observe/log.h"

#include <benchmark/benchmark.h>

#include <filesystem>
#include <memory>
#include <stdlib.h>
#include <string>

namespace {

using namespace nexus;

struct NoLimits final : limits::Gate {
  void admit_stranger(const http::Call&, const std::function<bool()>&) override {}
  void refused(const http::Call&) override {}
  void charge(http::Call&) override {}
};
struct NoQuotas final : quotas::Gate {
  quotas::Charge charge(const http::Call&) override { return {}; }
  void refund(const http::Call&, quotas::Charge&) noexcept override {}
  void append_headers(const http::Call&, http::Pairs&) override {}
};
struct NoPlans final : plans::Entitlements {
  bool enabled(const TenantScope&, std::string_view) override { return true; }
  void require(const TenantScope&, std::string_view) override {}
  std::string plan_id(const TenantScope&) override { return "free"; }
};
struct NoKeys final : idempotency::Gate {
  std::optional<http::Reply> begin(const http::Call&, const http::Decoded&, idempotency::Reservation&) override {
    return std::nullopt;
  }
  void complete(const Claim&, const http::Reply&, std::string_view) noexcept override {}
  void abandon(const Claim&) noexcept override {}
};
struct NoUsage final : usage::Counters {
  void request(const http::Call&) override {}
  void rate_limited(const http::Call&) override {}
};

/// A server's gates over a scratch installation with one tenant that has limits it never reaches.
class Premises {
 public:
  Premises() {
    std::string pattern = (std::filesystem::temp_directory_path() / "nexusrag-bench-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
    folder_ = pattern;
    settings_ = std::make_unique<config::Settings>(
        config::settings_with({{"DATA_DIR", folder_},
                               {"API_KEY_PEPPER", "bench-pepper-0123456789abcdef0123456789abcd"},
                               {"AUDIT_SIGNING_KEY", std::string(64, '7')},
                               {"AUTH_DEV_BYPASS", "true"},
                               {"RL_KEY_READ_RPS", "1000000"},
                               {"RL_KEY_READ_BURST", "1000000"},
                               {"RL_TENANT_READ_RPS", "1000000"},
                               {"RL_TENANT_READ_BURST", "1000000"}}));
    core_ = std::make_unique<app::Core>(*settings_, clock_, app::Core::Options{});
    enforcement_ = std::make_unique<app::Enforcement>(*settings_, core_->shared, *core_->db, *core_->refusals,
                                                      *core_->outbox, *core_->entitled, clock_, core_->metrics);
    core_->db->run_script(
        "INSERT INTO plan_limits (tenant_id, daily_requests_limit, monthly_requests_limit, created_at, updated_at) "
        "VALUES ('t1', 4000000000, 4000000000, 0, 0)");
    enforcement_->start();
    row_.spec = {.verb = http::Verb::kGet,
                 .path = "/audit/events",
                 .operation = "bench",
                 .role = Role::kAdmin,
                 .feature = "feature.retrieval.local_pgvector",
                 .route_class = http::RouteClass::kRead};
    row_.run = http::PlainHandler([](http::Call& call, const http::AfterDecode& after_decode) {
      if (std::optional<http::Reply> stored = after_decode(call, {})) return std::move(*stored);
      return http::Reply::json("[]");
    });
  }
  ~Premises() {
    enforcement_->stop();
    enforcement_.reset();
    core_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  [[nodiscard]] std::unique_ptr<app::Pipeline> pipeline(bool gated) {
    const observe::Segments segments{.metrics = core_->metrics, .clock = clock_};
    const app::Gates gates{
        .auth = *core_->authenticator,
        .limits = gated ? static_cast<limits::Gate&>(enforcement_->rates) : no_limits_,
        .quotas = gated ? static_cast<quotas::Gate&>(enforcement_->ledger) : no_quotas_,
        .plans = gated ? static_cast<plans::Entitlements&>(core_->entitled->entitlements) : no_plans_,
        .idempotency = gated ? static_cast<idempotency::Gate&>(enforcement_->idempotency) : no_keys_,
        .usage = gated ? static_cast<usage::Counters&>(enforcement_->usage) : no_usage_};
    return std::make_unique<app::Pipeline>(gates, *settings_, clock_, segments);
  }
  [[nodiscard]] const http::Endpoint& row() const { return row_; }

 private:
  std::string folder_;
  SystemClock clock_;
  std::unique_ptr<config::Settings> settings_;
  std::unique_ptr<app::Core> core_;
  std::unique_ptr<app::Enforcement> enforcement_;
  NoLimits no_limits_;
  NoQuotas no_quotas_;
  NoPlans no_plans_;
  NoKeys no_keys_;
  NoUsage no_usage_;
  http::Endpoint row_;
};

void pass(benchmark::State& state, bool gated) {
  static Premises premises;
  const std::unique_ptr<app::Pipeline> pipeline = premises.pipeline(gated);
  for (auto step : state) {
    http::Exchange exchange;
    exchange.request.verb = http::Verb::kGet;
    exchange.request.method = "GET";
    exchange.request.path = exchange.request.target = "/v1/audit/events";
    exchange.request.peer_ip = exchange.request.client_ip = "127.0.0.1";
    exchange.request.headers = {{"X-Tenant-Id", "t1"}, {"X-Role", "admin"}};
    exchange.request_id = "bench";
    exchange.endpoint = &premises.row();
    pipeline->admit(exchange);
    if (!exchange.answered) pipeline->execute(exchange);
    if (exchange.reply.status != 200) {
      state.SkipWithError(exchange.reply.body.c_str());
      break;
    }
    pipeline->finished(exchange);
  }
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK_CAPTURE(pass, gates_off, false)->Threads(1)->Threads(2)->UseRealTime();
BENCHMARK_CAPTURE(pass, gates_on, true)->Threads(1)->Threads(2)->UseRealTime();

}  // namespace

int main(int argc, char** argv) {
  observe::configure_log({.level = "WARN", .json = true});
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
