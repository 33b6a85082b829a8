#pragma once

#include "modules/auth/ports.h"
#include "modules/idempotency/ports.h"
#include "modules/limits/ports.h"
#include "modules/plans/ports.h"
#include "modules/quotas/ports.h"
#include "modules/usage/ports.h"

namespace nexus::app {

/// What the pipeline asks, in its order. All of it outlives the pipeline.
struct Gates {
  auth::Gate& auth;
  limits::Gate& limits;
  quotas::Gate& quotas;
  plans::Entitlements& plans;
  idempotency::Gate& idempotency;
  usage::Counters& usage;
};

}  // namespace nexus::app
