#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace nexus {

/// A value that must not reach a log, an error text or a debugger print-out by accident: it has no stream operator,
/// no formatter and no conversion. reveal() is the one, greppable way to the text.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}

  [[nodiscard]] std::string_view reveal() const noexcept { return value_; }
  [[nodiscard]] bool empty() const noexcept { return value_.empty(); }

 private:
  std::string value_;
};

}  // namespace nexus
