#pragma once

#include "base/secret.h"
#include "base/time.h"
#include "http/endpoint.h"
#include "observe/metrics.h"

#include <atomic>
#include <functional>
#include <string>
#include <vector>

namespace nexus::health {

/// Whether the server should get traffic. One check a dependency; each returns an empty text when it is well.
struct Readiness {
  struct Check {
    std::string name;
    std::function<std::string()> problem;
  };
  std::vector<Check> checks;
  const std::atomic<bool>* stopping = nullptr;
};

/// Rows of health, readiness and metrics. Public, outside the pipeline.
class HealthApi {
 public:
  HealthApi(const Clock& clock, const observe::Metrics& metrics, Readiness readiness, Secret metrics_token);

  [[nodiscard]] std::vector<http::Endpoint> endpoints() const;

  http::Reply health(http::Call& call) const;
  http::Reply healthz(http::Call& call) const;
  http::Reply livez(http::Call& call) const;
  http::Reply readyz(http::Call& call) const;
  http::Reply metrics(http::Call& call) const;

 private:
  const Clock& clock_;
  const observe::Metrics& metrics_;
  Readiness readiness_;
  Secret metrics_token_;
};

}  // namespace nexus::health
