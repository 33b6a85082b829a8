#include "observe/log_settings.h"

#include "config/settings_table.h"

#include <unistd.h>

namespace nexus::observe {

LogOptions log_options(const config::Settings& settings) {
  const std::string& form = settings.get(config::kLogFormat);
  return {.level = settings.get(config::kLogLevel),
          .json = form == "json" || (form == "auto" && ::isatty(STDERR_FILENO) == 0)};
}

}  // namespace nexus::observe
