#pragma once

#include "base/time.h"
#include "observe/metrics.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace nexus::observe {

/// What this process costs, read from the kernel when somebody looks.
struct ProcessUse {
  std::int64_t resident_bytes = 0;
  std::int64_t open_files = 0;
  std::int64_t user_us = 0;  ///< processor time since the start
  std::int64_t system_us = 0;
  std::array<std::uint64_t, 4> log_lines{};  ///< by Level
};
/// Of /proc/self, getrusage and the log; what cannot be read is 0.
[[nodiscard]] ProcessUse read_process_use();

/// The figures of the process in `/v1/metrics`: memory, files, processor time, log lines, start, build. Set by
/// refresh(), which the metrics call before they are printed. Not thread-safe beyond that.
class ProcessFigures {
 public:
  /// `engine` is the database's. Registers itself with `metrics`, which must not be printed once this has gone.
  ProcessFigures(Metrics& metrics, const Clock& clock, std::string_view version, std::string_view engine);
  ProcessFigures(const ProcessFigures&) = delete;
  ProcessFigures& operator=(const ProcessFigures&) = delete;

  void refresh() { show(read_process_use()); }
  void show(const ProcessUse& use);

 private:
  const Clock& clock_;
  const std::int64_t started_steady_us_;
  Gauge& uptime_;
  Gauge& resident_;
  Gauge& files_;
  Counter& user_;
  Counter& system_;
  std::array<Counter*, 4> log_lines_;  // by Level
};

}  // namespace nexus::observe
