#pragma once

#include "base/error.h"
#include "http/endpoint.h"
#include "http/message.h"
#include "modules/quotas/ports.h"
#include "modules/quotas/quotas_types.h"

#include <cstdint>

/// What clients see of a standing (contract 01 §7).
namespace nexus::quotas {

/// Units that one request of a class costs; 0: it is not counted.
[[nodiscard]] std::int64_t cost_of(http::RouteClass route_class);

/// The eight X-Quota-* headers.
[[nodiscard]] http::Pairs quota_headers(const Standing& standing);

/// 402 QUOTA_EXCEEDED with details and all quota headers.
[[nodiscard]] ApiError quota_exceeded(const Standing& standing, const Refusal& why);

/// The `quota` object of self-serve answers.
[[nodiscard]] QuotaStatus status_of(const Standing& standing);

}  // namespace nexus::quotas
