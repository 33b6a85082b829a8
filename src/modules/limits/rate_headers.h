#pragma once

#include "http/endpoint.h"
#include "modules/limits/bucket_store.h"

#include <string>

namespace nexus::limits {

/// The fields of draft-ietf-httpapi-ratelimit-headers-11, structured lists (RFC 9651) of one item per bucket. Quotas
/// are counted in tokens of the class; a run costs 3.

/// `"key-run";q=5;w=5, "tenant-run";q=15;w=5`: what a full bucket holds and the seconds an empty one takes to fill.
[[nodiscard]] std::string rate_limit_policy(http::RouteClass route_class, const Rate& key, const Rate& tenant);

/// `"key-run";r=2;t=1, "tenant-run";r=12;t=1`: the whole tokens left and the seconds until the bucket can pay for one
/// request more than it can now (until it is full, if that comes first; 0: it is full). A refusal names only the bucket
/// that ran out, so that no window ends after Retry-After.
[[nodiscard]] std::string rate_limit(http::RouteClass route_class, const Take& take, const Decision& decision);

/// Whole seconds of Retry-After, never too few.
[[nodiscard]] std::string retry_after(std::int64_t wait_ms);

}  // namespace nexus::limits
