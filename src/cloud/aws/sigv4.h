#pragma once

#include "base/time.h"
#include "cloud/aws/credentials.h"
#include "outbound/client.h"

#include <string_view>

namespace nexus::cloud::aws {

/// Signs a request with AWS Signature Version 4: sets X-Amz-Date, X-Amz-Security-Token when there is one, for "s3"
/// X-Amz-Content-Sha256, and Authorization, in place of those it carries already, so that a request can be signed
/// again. Host is signed as the client makes it of the URL. Method, URL, headers and body are part of the signature and
/// must not change afterwards; headers that a proxy or the client itself may touch are left out of it.
/// Source: AWS General Reference, "Create a signed AWS API request". Throws std::invalid_argument for a bad URL.
void sign(outbound::Request& request, const Credentials& credentials, std::string_view region, std::string_view service,
          Timestamp now);

}  // namespace nexus::cloud::aws
