#include "modules/stats/benchmark_file.h"

#include "json/json.h"
#include "observe/log.h"

#include <boost/json/value.hpp>

#include <exception>
#include <fstream>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace nexus::stats {
namespace {

constexpr std::uintmax_t kMostBytes = 1024 * 1024;

std::string contents(const std::filesystem::path& path) {
  if (std::filesystem::file_size(path) > kMostBytes) throw std::runtime_error("the file is too large");
  std::ifstream in(path, std::ios::binary);
  std::string text(kMostBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in.eof() || in.gcount() == 0) throw std::runtime_error("the file cannot be read");
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

std::optional<boost::json::object> object_at(const boost::json::object& artifact, std::string_view key) {
  const boost::json::value* value = artifact.if_contains(key);
  if (value == nullptr || !value->is_object()) return std::nullopt;
  return value->get_object();
}

}  // namespace

Benchmark BenchmarkFile::current() {
  const std::lock_guard lock(mutex_);
  const std::int64_t now = clock_.steady_us();
  if (!last_ || now >= stale_at_us_) {
    last_ = read();
    stale_at_us_ = now + kLifeUs;
  }
  return *last_;
}

Benchmark BenchmarkFile::read() const {
  Benchmark found{.status = "pending", .latest = {}, .previous_run = {}, .read_at = clock_.now()};
  std::error_code missing;
  if (path_.empty() || !std::filesystem::exists(path_, missing)) return found;
  try {
    const boost::json::value parsed = json::parse(contents(path_), {.max_bytes = kMostBytes});
    const boost::json::object& artifact = parsed.as_object();
    const boost::json::value* status = artifact.if_contains("status");
    found.latest = object_at(artifact, "latest");
    found.previous_run = object_at(artifact, "previous_run");
    found.status = status != nullptr && status->is_string() ? std::string(status->get_string()) : "ok";
  } catch (const std::exception& e) {
    observe::log_warn("the benchmark artifact cannot be read", {{"reason", e.what()}});
    found.status = "degraded";
  }
  return found;
}

}  // namespace nexus::stats
