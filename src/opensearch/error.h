#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace nexus::opensearch {

enum class ErrorKind : std::uint8_t {
  kUnavailable,  ///< no node answered, or the breaker is open
  kTimeout,      ///< not within the time that was given
  kBusy,         ///< 429, 502, 503, 504: again later
  kTooLarge,     ///< 413
  kMissing,      ///< 404: no such index
  kRefused,      ///< any other status that is no success, 401 and 403 included: repeating it changes nothing
  kPartial,      ///< some shards did not answer: what came is not all
  kBadAnswer,    ///< not JSON, or not of the shape that was asked for
  kUnsupported,  ///< another kind or age of server
};
[[nodiscard]] constexpr std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kUnavailable:
      return "unavailable";
    case ErrorKind::kTimeout:
      return "timeout";
    case ErrorKind::kBusy:
      return "busy";
    case ErrorKind::kTooLarge:
      return "too_large";
    case ErrorKind::kMissing:
      return "missing";
    case ErrorKind::kRefused:
      return "refused";
    case ErrorKind::kPartial:
      return "partial";
    case ErrorKind::kBadAnswer:
      return "bad_answer";
    case ErrorKind::kUnsupported:
      return "unsupported";
  }
  return "unknown";
}

/// The cluster did not do what it was asked. `what()` is for the log: our words, a status and at most the server's
/// name of the fault (`index_not_found_exception`), never its sentences, which repeat content.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error("search cluster: " + message), kind_(kind) {}
  [[nodiscard]] ErrorKind kind() const noexcept { return kind_; }

 private:
  ErrorKind kind_;
};

}  // namespace nexus::opensearch
