#include "modules/billing/outcome.h"

#include "base/encoding.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ctime>

namespace nexus::billing {
namespace {

constexpr std::string_view kHttpStatus = "http_status";

struct FaultName {
  outbound::Fault fault;
  std::string_view code;
  std::string_view words;
};

constexpr FaultName kFaultNames[] = {
    {outbound::Fault::kTimeout, "timeout", "timeout"},
    {outbound::Fault::kNetwork, "network_error", "network error"},
    {outbound::Fault::kRefusedAddress, "address_refused", "address refused"},
    {outbound::Fault::kBadUrl, "invalid_url", "invalid URL"},
    {outbound::Fault::kTooLarge, "response_too_large", "response too large"},
    {outbound::Fault::kBreakerOpen, "breaker_open", "circuit breaker open"},
    {outbound::Fault::kCancelled, "cancelled", "cancelled"},
    {outbound::Fault::kBusy, "client_busy", "too many outbound calls"},
};

const FaultName& name_of(outbound::Fault fault) {
  const auto* row =
      std::find_if(std::begin(kFaultNames), std::end(kFaultNames), [&](const auto& r) { return r.fault == fault; });
  return row != std::end(kFaultNames) ? *row : kFaultNames[1];
}

bool may_change_its_mind(int status) {
  return status == 408 || status == 429 || status >= 500;
}

const std::string* header_of(const outbound::Response& response, std::string_view lower_name) {
  for (const auto& [name, value] : response.headers)
    if (name == lower_name) return &value;
  return nullptr;
}

/// Seconds since 1970 of "Sun, 06 Nov 1994 08:49:37 GMT".
std::optional<std::int64_t> read_http_date(const std::string& text) {
  std::tm parts{};
  const char* end = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return ::timegm(&parts);
}

}  // namespace

std::string Outcome::message() const {
  if (delivered()) return "Webhook delivered successfully";
  if (status_code) return fmt::format("Webhook responded with status {}", *status_code);
  return fmt::format("Webhook delivery failed: {}", words);
}

bool is_outcome_code(std::string_view code) {
  return code == kHttpStatus || std::any_of(std::begin(kFaultNames), std::end(kFaultNames),
                                            [&](const FaultName& row) { return row.code == code; });
}

std::int64_t retry_after_us(std::string_view value, Timestamp now) {
  constexpr std::int64_t kMostSeconds = kMostRetryAfterUs / Timestamp::kSecond;
  const std::string_view text = ascii_trim(value);
  std::int64_t seconds = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (failure == std::errc::result_out_of_range && text.find_first_not_of("0123456789") == std::string_view::npos)
    return kMostRetryAfterUs;
  if (failure != std::errc{} || end != text.data() + text.size()) {
    const std::optional<std::int64_t> date = read_http_date(std::string(text));
    if (!date) return 0;
    seconds = *date - now.us / Timestamp::kSecond;
  }
  return std::clamp<std::int64_t>(seconds, 0, kMostSeconds) * Timestamp::kSecond;
}

Outcome attempt(outbound::Client& client, const outbound::Request& request, Timestamp now) {
  try {
    const outbound::Response response = client.send(request);
    Outcome outcome{.status_code = response.status};
    if (response.status < 400) return outcome;
    outcome.kind = may_change_its_mind(response.status) ? Outcome::Kind::kRetry : Outcome::Kind::kRefused;
    outcome.error = kHttpStatus;
    if (const std::string* value = header_of(response, "retry-after"))
      outcome.least_wait_us = retry_after_us(*value, now);
    return outcome;
  } catch (const outbound::Error& e) {
    const FaultName& name = name_of(e.fault());
    return {.kind = Outcome::Kind::kRetry, .error = name.code, .words = name.words, .detail = e.what()};
  }
}

}  // namespace nexus::billing
