#pragma once

#include "http/call.h"

namespace nexus::usage {

/// Counts requests for the usage dashboards, by tenant, UTC day and route class. The pipeline calls it. Thread-safe,
/// does not block, does not touch the database.
class Counters {
 public:
  virtual ~Counters() = default;
  /// A caller was authenticated, whatever becomes of the request.
  virtual void request(const http::Call& call) = 0;
  /// It was refused with 429.
  virtual void rate_limited(const http::Call& call) = 0;
};

}  // namespace nexus::usage
