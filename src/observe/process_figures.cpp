#include "observe/process_figures.h"

#include "observe/log.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sys/resource.h>
#include <system_error>
#include <unistd.h>

namespace nexus::observe {
namespace {

std::int64_t micros(const timeval& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000 + static_cast<std::int64_t>(time.tv_usec);
}

std::int64_t count_open_files() {
  std::error_code error;
  std::filesystem::directory_iterator entry("/proc/self/fd", error);
  std::int64_t count = 0;
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) ++count;
  return std::max<std::int64_t>(0, count - 1);  // the folder itself is open meanwhile
}

/// Counters only grow, and so does processor time.
void raise_to(Counter& counter, std::uint64_t total) {
  const std::uint64_t seen = counter.value();
  if (total > seen) counter.add(total - seen);
}
void raise_to(Counter& counter, std::int64_t total) {
  raise_to(counter, static_cast<std::uint64_t>(std::max<std::int64_t>(0, total)));
}

}  // namespace

ProcessUse read_process_use() {
  ProcessUse use;
  std::int64_t pages = 0;
  if (std::ifstream statm("/proc/self/statm"); statm >> pages >> pages)
    use.resident_bytes = pages * static_cast<std::int64_t>(::sysconf(_SC_PAGESIZE));
  use.open_files = count_open_files();
  rusage spent{};
  if (::getrusage(RUSAGE_SELF, &spent) == 0) {
    use.user_us = micros(spent.ru_utime);
    use.system_us = micros(spent.ru_stime);
  }
  for (std::size_t i = 0; i < use.log_lines.size(); ++i) use.log_lines[i] = log_lines(static_cast<Level>(i));
  return use;
}

ProcessFigures::ProcessFigures(Metrics& metrics, const Clock& clock, std::string_view version, std::string_view engine)
    : clock_(clock),
      started_steady_us_(clock.steady_us()),
      uptime_(metrics.gauge("nexusrag_uptime_seconds")),
      resident_(metrics.gauge("nexusrag_resident_bytes")),
      files_(metrics.gauge("nexusrag_open_files")),
      user_(metrics.counter("nexusrag_cpu_microseconds_total", {{"mode", "user"}})),
      system_(metrics.counter("nexusrag_cpu_microseconds_total", {{"mode", "system"}})) {
  constexpr std::array kLevels{"debug", "info", "warn", "error"};  // by Level
  for (std::size_t i = 0; i < kLevels.size(); ++i)
    log_lines_[i] = &metrics.counter("nexusrag_log_lines_total", {{"level", kLevels[i]}});
  metrics.gauge("nexusrag_build_info", {{"version", std::string(version)}, {"engine", std::string(engine)}}).set(1);
  metrics.gauge("nexusrag_start_time_seconds").set(static_cast<double>(clock.now().us) / 1e6);
  metrics.before_text([this] { refresh(); });
}

void ProcessFigures::show(const ProcessUse& use) {
  uptime_.set(static_cast<double>(clock_.steady_us() - started_steady_us_) / 1e6);
  resident_.set(static_cast<double>(use.resident_bytes));
  files_.set(static_cast<double>(use.open_files));
  raise_to(user_, use.user_us);
  raise_to(system_, use.system_us);
  for (std::size_t i = 0; i < use.log_lines.size(); ++i) raise_to(*log_lines_[i], use.log_lines[i]);
}

}  // namespace nexus::observe
