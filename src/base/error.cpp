#include "base/error.h"

namespace nexus {

ApiError::ApiError(const ErrorKind& kind) : kind_(kind), message_(kind.message) {}

ApiError::ApiError(const ErrorKind& kind, std::string message, boost::json::object details)
    : kind_(kind), message_(std::move(message)), details_(std::move(details)) {}

ApiError&& ApiError::with_header(std::string name, std::string value) && {
  headers_.emplace_back(std::move(name), std::move(value));
  return std::move(*this);
}

ApiError&& ApiError::with_cause(std::string cause) && {
  cause_ = std::move(cause);
  return std::move(*this);
}

}  // namespace nexus
