#pragma once

#include "exec/deadline.h"

#include <cstdint>

namespace nexus::llm {

/// Milliseconds until a deadline, the last one counted whole; 0 once it has passed. For the bounds of a call inside it,
/// where 0 would mean "none": whoever gets 0 must not call.
[[nodiscard]] inline std::int64_t ms_left(const exec::Deadline& deadline, const Clock& clock) {
  return (deadline.remaining_us(clock).value_or(0) + 999) / 1000;
}

}  // namespace nexus::llm
