#pragma once

#include "app/gates.h"
#include "base/time.h"
#include "config/settings.h"
#include "http/server.h"
#include "observe/metrics.h"
#include "observe/segment.h"

#include <array>
#include <string>
#include <string_view>

namespace nexus::app {

/// The gates every request passes, in the contract's order (00-decisions, "order of gates"). The order stands here and
/// nowhere else.
class Pipeline final : public http::Dispatcher {
 public:
  /// `segments.tracer` may be null: nothing is traced then.
  Pipeline(const Gates& gates, const config::Settings& settings, const Clock& clock, const observe::Segments& segments);

  void admit(http::Exchange& exchange) noexcept override;
  void execute(http::Exchange& exchange) noexcept override;
  void refuse(http::Exchange& exchange, const ApiError& error) noexcept override;
  void finished(http::Exchange& exchange) noexcept override;

 private:
  struct GatedCall;

  [[nodiscard]] static GatedCall& gated(http::Exchange& exchange);
  void authenticate(GatedCall& call);
  void charge(GatedCall& call);
  [[nodiscard]] std::optional<http::Reply> after_decode(GatedCall& call, const http::Decoded& decoded);
  void give_back(GatedCall& call) noexcept;
  static void check_tenant_in_body(const http::Call& call);
  void check_kill_switch(const http::RouteSpec& spec) const;
  void run(http::Exchange& exchange);
  void finish_reply(http::Exchange& exchange);
  void append_quota_headers(const http::Call& call, http::Pairs& headers);
  void append_common_headers(const http::Exchange& exchange, http::Pairs& headers) const;
  /// Runs `step`; whatever it throws becomes the reply.
  template <class Step>
  void guarded(http::Exchange& exchange, const Step& step) noexcept;

  /// Looked up once: a request adds to them without a search.
  struct ClassMetrics {
    std::array<observe::Counter*, 6> by_family{};  // index: status / 100
    observe::Histogram* latency_ms = nullptr;
    observe::Histogram* total_seconds = nullptr;
    observe::Segment auth;  // credential, role, rate and quota
  };

  const Gates gates_;
  const config::Settings& settings_;
  const Clock& clock_;
  const observe::Tracer* tracer_;
  std::array<ClassMetrics, 5> classes_{};  // index: RouteClass
  observe::Counter& server_errors_;
  std::string sunset_;
};

/// True for a JSON object with a top-level member `tenant_id`, however it is escaped; false for anything that is not
/// JSON (decoding will say so).
[[nodiscard]] bool names_tenant(std::string_view body);

}  // namespace nexus::app
