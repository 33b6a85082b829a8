#include "observe/log.h"

#include "base/time.h"
#include "observe/log_line.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <atomic>
#include <memory>
#include <unistd.h>

namespace nexus::observe {
namespace {

spdlog::level::level_enum spdlog_level(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarn:
      return spdlog::level::warn;
    case Level::kError:
      break;
  }
  return spdlog::level::err;
}

/// The process-wide log. It writes in the calling thread and flushes every line: nothing is lost when the process dies.
class Log {
 public:
  Log() : logger_("nexusrag", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    logger_.set_formatter(std::make_unique<spdlog::pattern_formatter>("%v"));
    logger_.set_level(spdlog::level::info);
    logger_.flush_on(spdlog::level::debug);
    is_json_ = ::isatty(STDERR_FILENO) == 0;
  }

  void configure(Level least, bool json) {
    logger_.set_level(spdlog_level(least));
    is_json_ = json;
  }
  [[nodiscard]] bool enabled(Level level) const { return logger_.should_log(spdlog_level(level)); }
  [[nodiscard]] bool is_json() const { return is_json_; }
  void write(Level level, const std::string& line) {
    logger_.log(spdlog_level(level), spdlog::string_view_t(line.data(), line.size()));
  }

 private:
  spdlog::logger logger_;
  std::atomic<bool> is_json_{true};
};

Log& process_log() {
  static Log log;
  return log;
}

}  // namespace

void log(Level level, std::string_view message, std::initializer_list<LogField> fields) {
  Log& target = process_log();
  if (!target.enabled(level)) return;
  const Timestamp now = SystemClock().now();
  const std::span<const LogField> span(fields.begin(), fields.size());
  target.write(level, target.is_json() ? json_line(now, level, message, span) : text_line(now, level, message, span));
}

void configure_log(const LogOptions& options) {
  process_log().configure(parse_level(options.level), options.json);
}

bool log_enabled(Level level) {
  return process_log().enabled(level);
}

}  // namespace nexus::observe
