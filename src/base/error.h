#pragma once

#include <boost/json/object.hpp>

#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nexus {

/// One row of the error catalogue (base/errors.h). Handlers pick a row; they cannot invent a code.
struct ErrorKind {
  std::string_view code;     ///< wire code, e.g. "NOT_FOUND"
  int status;                ///< HTTP status it is sent with unless the row of the route says otherwise
  std::string_view message;  ///< default text for the client
  std::string_view advice;   ///< what the caller should do; goes to the generated documentation

  friend bool operator==(const ErrorKind& a, const ErrorKind& b) { return a.code == b.code && a.status == b.status; }
};

/// An answer that is not a success. `message` and `details` are for the client; `cause` is for the log only.
/// Thrown by gates and handlers, turned into an envelope in exactly one place (http/envelope.cpp).
class ApiError : public std::exception {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;

  explicit ApiError(const ErrorKind& kind);
  ApiError(const ErrorKind& kind, std::string message, boost::json::object details = {});

  /// Adds a response header, e.g. `Retry-After`.
  ApiError&& with_header(std::string name, std::string value) &&;
  /// Text for the log: the reason a client must not see.
  ApiError&& with_cause(std::string cause) &&;

  [[nodiscard]] const ErrorKind& kind() const noexcept { return kind_; }
  [[nodiscard]] const std::string& message() const noexcept { return message_; }
  [[nodiscard]] const boost::json::object& details() const noexcept { return details_; }
  [[nodiscard]] const Headers& headers() const noexcept { return headers_; }
  [[nodiscard]] const std::string& cause() const noexcept { return cause_; }
  [[nodiscard]] const char* what() const noexcept override { return message_.c_str(); }

 private:
  ErrorKind kind_;
  std::string message_;
  boost::json::object details_;
  Headers headers_;
  std::string cause_;
};

}  // namespace nexus
