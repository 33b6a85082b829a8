#pragma once

#include "base/time.h"
#include "cli/commands.h"
#include "config/settings.h"

#include <memory>
#include <string>
#include <string_view>
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

/// For commands that are no server: what is below `least` is not logged unless LOG_LEVEL says otherwise, the log is
/// text unless LOG_FORMAT says otherwise, and what loading had to say goes to standard error.
void quiet_log(const config::Loaded& loaded, std::string_view least = "WARN");

/// The database and the services above it for the length of one command.
class Session {
 public:
  struct Options {
    bool migrate = true;                  ///< false: refuse an old schema
    std::string_view log_least = "WARN";  ///< ERROR: the command reports what services would warn about
  };
  /// Throws what load_settings() and app::Core throw.
  explicit Session(const Globals& globals) : Session(globals, Options{}) {}
  Session(const Globals& globals, const Options& options);
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
