#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

namespace nexus::observe {

enum class Level : std::uint8_t { kDebug, kInfo, kWarn, kError };

/// One field of a log line. Never content, never a secret: ids, counts, names, reasons.
struct LogField {
  std::string_view name;
  std::variant<std::string_view, std::int64_t, double, bool> value;

  LogField(std::string_view n, std::string_view v) : name(n), value(v) {}
  LogField(std::string_view n, const char* v) : name(n), value(std::string_view(v)) {}
  LogField(std::string_view n, const std::string& v) : name(n), value(std::string_view(v)) {}
  LogField(std::string_view n, bool v) : name(n), value(v) {}
  LogField(std::string_view n, double v) : name(n), value(v) {}
  template <class I>
  requires(std::is_integral_v<I> && !std::is_same_v<I, bool>) LogField(std::string_view n, I v)
      : name(n), value(static_cast<std::int64_t>(v)) {}
};

/// Writes one event: a JSON line, or text when standard error is a terminal. The log is the one process-wide facility;
/// everything else is passed by reference. Thread-safe. Warnings and errors are written when this returns; other lines
/// within milliseconds, and at the latest when the process ends: only a kill can lose them.
void log(Level level, std::string_view message, std::initializer_list<LogField> fields = {});
inline void log_debug(std::string_view m, std::initializer_list<LogField> f = {}) {
  log(Level::kDebug, m, f);
}
inline void log_info(std::string_view m, std::initializer_list<LogField> f = {}) {
  log(Level::kInfo, m, f);
}
inline void log_warn(std::string_view m, std::initializer_list<LogField> f = {}) {
  log(Level::kWarn, m, f);
}
inline void log_error(std::string_view m, std::initializer_list<LogField> f = {}) {
  log(Level::kError, m, f);
}

/// Sets the least level ("DEBUG", "INFO", …; unknown: INFO) and the form. Called once at start.
struct LogOptions {
  std::string level = "INFO";
  bool json = true;
};
void configure_log(const LogOptions& options);
[[nodiscard]] bool log_enabled(Level level);

/// How many lines of that level this process has written since its start.
[[nodiscard]] std::uint64_t log_lines(Level level) noexcept;

}  // namespace nexus::observe
