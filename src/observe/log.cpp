#include "observe/log.h"

#include "base/time.h"
#include "observe/log_line.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
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

/// Standard error, with the lines of a few milliseconds in one system call: a request log that wrote each line by
/// itself would cost a busy server more than its answers. What is flushed (warnings and errors, the end) is written at
/// once, after what was waiting.
class BatchSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  BatchSink() : writer_([this](const std::stop_token& stop) { write_now_and_then(stop); }) {}
  ~BatchSink() override {
    writer_.request_stop();
    writer_.join();
    flush();
  }
  BatchSink(const BatchSink&) = delete;
  BatchSink& operator=(const BatchSink&) = delete;

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const bool first = lines_.empty();
    lines_.append(message.payload.data(), message.payload.size()).push_back('\n');
    if (lines_.size() >= kMostBytes) {
      flush_();
    } else if (first) {
      waiting_.notify_one();
    }
  }
  void flush_() override {
    std::size_t sent = 0;
    while (sent < lines_.size()) {
      const ssize_t n = ::write(STDERR_FILENO, lines_.data() + sent, lines_.size() - sent);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) break;  // nowhere to say so
      sent += static_cast<std::size_t>(n);
    }
    lines_.clear();
  }

 private:
  static constexpr std::size_t kMostBytes = 64 * 1024;
  static constexpr std::chrono::milliseconds kLinger{5};

  void write_now_and_then(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (waiting_.wait(lock, stop, [this] { return !lines_.empty(); })) {
      lock.unlock();
      std::this_thread::sleep_for(kLinger);
      lock.lock();
      flush_();
    }
  }

  std::string lines_;  // guarded by the base's mutex_, like all of it
  std::condition_variable_any waiting_;
  std::jthread writer_;
};

/// The process-wide log.
class Log {
 public:
  Log() : logger_("nexusrag", std::make_shared<BatchSink>()) {
    logger_.set_formatter(std::make_unique<spdlog::pattern_formatter>("%v"));
    logger_.set_level(spdlog::level::info);
    logger_.flush_on(spdlog::level::warn);
    is_json_ = ::isatty(STDERR_FILENO) == 0;
  }

  void configure(Level least, bool json) {
    logger_.flush();
    logger_.set_level(spdlog_level(least));
    is_json_ = json;
  }
  [[nodiscard]] bool enabled(Level level) const { return logger_.should_log(spdlog_level(level)); }
  [[nodiscard]] bool is_json() const { return is_json_; }
  void write(Level level, const std::string& line) {
    lines_[static_cast<std::size_t>(level)].fetch_add(1, std::memory_order_relaxed);
    logger_.log(spdlog_level(level), spdlog::string_view_t(line.data(), line.size()));
  }

  [[nodiscard]] std::uint64_t lines(Level level) const noexcept {
    return lines_[static_cast<std::size_t>(level)].load(std::memory_order_relaxed);
  }

 private:
  spdlog::logger logger_;
  std::array<std::atomic<std::uint64_t>, 4> lines_{};
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

std::uint64_t log_lines(Level level) noexcept {
  return process_log().lines(level);
}

}  // namespace nexus::observe
