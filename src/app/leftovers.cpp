#include "app/leftovers.h"

#include <system_error>

namespace nexus::app {

std::size_t remove_stale_parts(const std::filesystem::path& spool, std::chrono::seconds age) noexcept {
  const auto newest = std::filesystem::file_time_type::clock::now() - age;
  std::size_t removed = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator at(spool, error), end; !error && at != end; at.increment(error)) {
    std::error_code gone;  // another process may be tidying up, too
    if (at->path().extension() != ".part" || !at->is_regular_file(gone)) continue;
    if (const auto written = at->last_write_time(gone); gone || written > newest) continue;
    if (std::filesystem::remove(at->path(), gone)) ++removed;
  }
  return removed;
}

}  // namespace nexus::app
