#include "cloud/aws/sigv4.h"

#include "base/encoding.h"
#include "cloud/aws/sigv4_canonical.h"
#include "crypto/hash.h"
#include "outbound/url.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace nexus::cloud::aws {
namespace {

/// Headers that the client, a proxy or a tracer sets or changes on the way.
constexpr std::string_view kUnsigned[] = {
    "accept-encoding", "authorization", "connection",        "content-length", "expect",         "te",
    "traceparent",     "tracestate",    "transfer-encoding", "user-agent",     "x-amzn-trace-id"};

outbound::Url parse(const std::string& url) {
  try {
    return outbound::parse_url(url);
  } catch (const outbound::Error& error) {
    throw std::invalid_argument(std::string("a request to AWS cannot be signed: ") + error.what());
  }
}

void set_header(outbound::Headers& headers, std::string_view name, std::string value) {
  std::erase_if(headers, [&](const auto& header) { return ascii_iequals(header.first, name); });
  headers.emplace_back(name, std::move(value));
}

outbound::Headers to_be_signed(const outbound::Headers& all, const std::string& host) {
  outbound::Headers headers{{"host", host}};
  std::copy_if(all.begin(), all.end(), std::back_inserter(headers), [](const auto& header) {
    const auto is_name = [&](std::string_view name) { return ascii_iequals(header.first, name); };
    return !is_name("host") && std::none_of(std::begin(kUnsigned), std::end(kUnsigned), is_name);
  });
  return headers;
}

}  // namespace

void sign(outbound::Request& request, const Credentials& credentials, std::string_view region, std::string_view service,
          Timestamp now) {
  const outbound::Url url = parse(request.url);
  const PathRule rule = service == "s3" ? PathRule::kAsSent : PathRule::kEncodeAgain;

  std::erase_if(request.headers,
                [](const auto& header) { return ascii_iequals(header.first, "x-amz-security-token"); });
  set_header(request.headers, "X-Amz-Date", amz_date(now));
  if (!credentials.session_token.empty())
    set_header(request.headers, "X-Amz-Security-Token", std::string(credentials.session_token.reveal()));
  if (rule == PathRule::kAsSent) set_header(request.headers, "X-Amz-Content-Sha256", crypto::sha256_hex(request.body));

  const Canonical canonical =
      canonical_request(request.method, url.target, to_be_signed(request.headers, url.authority()), request.body, rule);
  set_header(request.headers, "Authorization", authorization(canonical, credentials, region, service, now));
}

}  // namespace nexus::cloud::aws
