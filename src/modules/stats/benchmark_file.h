#pragma once

#include "base/time.h"

#include <boost/json/object.hpp>

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace nexus::stats {

/// What the benchmark artifact says.
struct Benchmark {
  std::string status;  ///< the artifact's own, "ok" without one; "pending": there is none; "degraded": unreadable
  std::optional<boost::json::object> latest;
  std::optional<boost::json::object> previous_run;
  Timestamp read_at;
};

/// The JSON file behind /api/benchmark-latest: an object with `status`, `latest`, `previous_run`, of at most 1 MiB.
/// Read again when kLifeUs have passed. Thread-safe; reads a file.
class BenchmarkFile {
 public:
  static constexpr std::int64_t kLifeUs = 30 * Timestamp::kSecond;

  /// An empty path: there is no artifact.
  BenchmarkFile(const Clock& clock, std::filesystem::path path) : clock_(clock), path_(std::move(path)) {}

  [[nodiscard]] Benchmark current();

 private:
  [[nodiscard]] Benchmark read() const;

  const Clock& clock_;
  const std::filesystem::path path_;
  std::mutex mutex_;
  std::optional<Benchmark> last_;  // guarded by mutex_
  std::int64_t stale_at_us_ = 0;   // guarded by mutex_; on the steady clock
};

}  // namespace nexus::stats
