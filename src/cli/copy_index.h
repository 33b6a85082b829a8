#pragma once

#include "base/time.h"
#include "db/database.h"

#include <cstddef>

namespace nexus::observe {
class Metrics;
}

namespace nexus::cli {

/// Makes the search segments of every corpus from its chunks, as a database without them needs after a copy: what was
/// there goes, a batch of chunks becomes a segment. Vectors are taken from the rows, so no model has to be installed.
/// Returns how many chunks were indexed.
std::size_t rebuild_segments(db::Database& database, const Clock& clock, observe::Metrics& metrics);

}  // namespace nexus::cli
