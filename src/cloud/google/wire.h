#pragma once

#include "base/time.h"
#include "outbound/client.h"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

namespace nexus::cloud::google {

/// The one scope that is asked for; what the identity may do is decided by its roles.
inline constexpr std::string_view kScope = "https://www.googleapis.com/auth/cloud-platform";

/// A token and the moment, on Clock::steady_us(), when it ends.
struct AccessToken {
  std::string text;
  std::int64_t end_us = 0;
  std::int64_t lifetime_us = 0;
  std::string quota_project = {};  ///< for the header x-goog-user-project; empty: none
};

struct WireOptions {
  std::int64_t timeout_ms = 5'000;    ///< of one attempt
  std::int64_t deadline_ms = 10'000;  ///< of one exchange with its retries; a token takes up to four exchanges
  std::size_t max_bytes = std::size_t{64} * 1024;  ///< of an answer, and of a file with credentials or a token
};

/// Exchanges with the services that hand out tokens: bounds, and failures in words. Thread-safe.
class Wire {
 public:
  Wire(const WireOptions& options, outbound::Client& client, const Clock& clock)
      : options_(options), client_(client), clock_(clock) {}

  /// The 2xx answer. Throws CredentialsError for any other and when there is none, with `hint` where the service
  /// refused; outbound::Error(kCancelled).
  [[nodiscard]] outbound::Response ask(outbound::Request request, std::string_view hint,
                                       const std::stop_token& stop) const;
  /// A body that must be a JSON object; `url` names the peer in the error.
  [[nodiscard]] boost::json::object object_of(std::string_view body, const std::string& url) const;
  /// Both together.
  [[nodiscard]] boost::json::object ask_object(outbound::Request request, std::string_view hint,
                                               const std::stop_token& stop) const;
  /// Reads `access_token`, `expires_in` (RFC 6749 §5.1). `asked_us` is the steady time before the request left.
  [[nodiscard]] AccessToken access_token(const boost::json::object& answer, const std::string& url,
                                         std::int64_t asked_us) const;
  /// The same from its parts. Throws CredentialsError for text that is no token and for one that has ended.
  [[nodiscard]] static AccessToken checked_token(std::string text, std::int64_t lifetime_us, const std::string& url,
                                                 std::int64_t asked_us);

  [[nodiscard]] const WireOptions& options() const { return options_; }
  [[nodiscard]] const Clock& clock() const { return clock_; }

 private:
  const WireOptions options_;
  outbound::Client& client_;
  const Clock& clock_;
};

/// "The answer of HOST": how messages name a document that came over the wire.
[[nodiscard]] std::string answer_of(const std::string& url);

/// A form (application/x-www-form-urlencoded) to POST; pairs with an empty value are left out.
[[nodiscard]] outbound::Request form_request(const std::string& url,
                                             std::initializer_list<std::pair<std::string_view, std::string_view>> form);

}  // namespace nexus::cloud::google
