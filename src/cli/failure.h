#pragma once

#include <functional>
#include <stdexcept>
#include <string_view>

namespace nexus::cli {

/// What the process returns.
enum ExitCode : int {
  kDone = 0,
  kFailed = 1,  ///< the command could not do its work; the reason is on standard error
  kUsage = 2,   ///< wrong arguments or settings; nothing was tried
  kNo = 3,  ///< the command worked and the answer is no: pending migrations, failed documents, damage, missing files
};

/// A reason to stop that is written for the person at the terminal.
class Failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Arguments that cannot be used.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Runs `work` and returns its exit code; whatever it throws becomes "<tool> failed: <reason>" on standard error and
/// kUsage (UsageError, config::ConfigError) or kFailed (everything else).
[[nodiscard]] int guarded(std::string_view tool, const std::function<int()>& work);

}  // namespace nexus::cli
