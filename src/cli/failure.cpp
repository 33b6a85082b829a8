#include "cli/failure.h"

#include "base/error.h"
#include "cli/terminal.h"
#include "config/settings.h"

#include <fmt/format.h>

#include <string>

namespace nexus::cli {

int guarded(std::string_view tool, const std::function<int()>& work) {
  try {
    return work();
  } catch (const config::ConfigError& e) {
    const std::size_t count = e.problems().size();
    print_error(fmt::format("{} failed: the configuration has {} problem{}", tool, count, count == 1 ? "" : "s"));
    for (const std::string& problem : e.problems()) print_error("  " + problem);
    return kUsage;
  } catch (const UsageError& e) {
    print_error(fmt::format("{} failed: {}", tool, e.what()));
    return kUsage;
  } catch (const std::exception& e) {
    print_error(fmt::format("{} failed: {}", tool, e.what()));
    return kFailed;
  }
}

}  // namespace nexus::cli
