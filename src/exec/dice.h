#pragma once

#include "exec/backoff.h"

namespace nexus::exec {

/// Numbers in [0, 1) from a generator of its own, seeded by the system: for jitter, never for secrets. What it returns
/// is for one thread at a time.
[[nodiscard]] Random dice();

}  // namespace nexus::exec
