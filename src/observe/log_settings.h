#pragma once

#include "config/settings.h"
#include "observe/log.h"

namespace nexus::observe {

/// LOG_LEVEL and LOG_FORMAT; `auto` is text when standard error is a terminal.
[[nodiscard]] LogOptions log_options(const config::Settings& settings);

}  // namespace nexus::observe
