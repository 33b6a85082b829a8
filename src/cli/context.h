#pragma once

#include "base/time.h"
#include "cli/commands.h"
#include "config/settings.h"

#include <memory>
#include <string>
#include <vector>

namespace nexus::app {
class Core;
}

namespace nexus::cli {

enum class Secrets : std::uint8_t {
  kKept,      ///< read from the data folder and created there when missing: for commands that open the database
  kNotNeeded  ///< neither read nor created
};

/// Settings from every source, `more` overrides last. Throws config::ConfigError.
[[nodiscard]] config::Loaded load_settings(const Globals& globals, Secrets secrets,
                                           const std::vector<std::string>& more = {});

/// For commands that are no server: only warnings and errors are logged unless LOG_LEVEL says otherwise, as text unless
/// LOG_FORMAT does, and what loading had to say goes to standard error.
void quiet_log(const config::Loaded& loaded);

/// The database and the services above it for the length of one command.
class Session {
 public:
  /// Migrates unless `migrate` is false. Throws what load_settings() and app::Core throw.
  explicit Session(const Globals& globals, bool migrate = true);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  [[nodiscard]] const config::Settings& settings() const { return loaded_.settings; }
  [[nodiscard]] const Clock& clock() const { return clock_; }
  [[nodiscard]] app::Core& core() { return *core_; }
  /// The database as people know it: its file, or its redacted address.
  [[nodiscard]] std::string where() const;

 private:
  config::Loaded loaded_;
  SystemClock clock_;
  std::unique_ptr<app::Core> core_;
};

[[nodiscard]] std::string database_name(const config::Settings& settings);

}  // namespace nexus::cli
