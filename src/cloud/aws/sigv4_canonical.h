#pragma once

#include "base/time.h"
#include "cloud/aws/credentials.h"
#include "outbound/client.h"

#include <cstdint>
#include <string>
#include <string_view>

/// The steps of Signature Version 4, each as a value, for sign() and for the published vectors.
namespace nexus::cloud::aws {

enum class PathRule : std::uint8_t {
  kEncodeAgain,  ///< dot segments and empty ones fall out, then what was sent is escaped once more: all but S3
  kAsSent,       ///< escaped once, nothing removed: S3, where "a//b" and "a/./b" are names of objects
};

struct Canonical {
  std::string text;
  std::string signed_headers;  ///< "host;x-amz-date"
  std::string body_hash;
};

/// `target` is path and query as sent; `headers` are those to sign, Host among them, in any order and case.
[[nodiscard]] Canonical canonical_request(std::string_view method, std::string_view target,
                                          const outbound::Headers& headers, std::string_view body, PathRule rule);

/// "20150830T123600Z".
[[nodiscard]] std::string amz_date(Timestamp now);

/// The value of the Authorization header.
[[nodiscard]] std::string authorization(const Canonical& canonical, const Credentials& credentials,
                                        std::string_view region, std::string_view service, Timestamp now);

}  // namespace nexus::cloud::aws
