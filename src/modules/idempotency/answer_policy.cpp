#include "modules/idempotency/answer_policy.h"

#include "base/encoding.h"
#include "base/errors.h"

#include <algorithm>

namespace nexus::idempotency {
namespace {

constexpr const ErrorKind* kPassing[] = {
    &errors::kIdempotencyInProgress,         // the gate's own
    &errors::kIngestInProgress,              // a job ends
    &errors::kActionConflict,                // another operator's action ends
    &errors::kKeyRotationInProgress,         // a rotation ends
    &errors::kFailoverInProgress,            // a failover ends
    &errors::kFailoverCooldownActive,        // time passes
    &errors::kFailoverPrecheckFailed,        // replicas catch up
    &errors::kFailoverNotAllowed,            // regions change roles
    &errors::kSplitBrainRisk,                // the other region is fenced
    &errors::kSlaAutoscalingCooldownActive,  // time passes
    &errors::kDsarRequiresApproval,          // a second admin approves, then the same request is sent again
};

constexpr int kRepeatedRefusals[] = {400, 404, 409, 410, 413, 415, 422};

constexpr std::string_view kRepeatedHeaders[] = {"content-disposition", "content-language", "content-location", "etag",
                                                 "last-modified",       "location"};

}  // namespace

bool worth_repeating(const http::Reply& reply, std::string_view error_code) {
  if (reply.status / 100 == 2) return true;
  if (std::find(std::begin(kRepeatedRefusals), std::end(kRepeatedRefusals), reply.status) ==
      std::end(kRepeatedRefusals))
    return false;
  for (const auto& [name, value] : reply.headers)
    if (ascii_iequals(name, "Retry-After")) return false;
  return std::none_of(std::begin(kPassing), std::end(kPassing),
                      [&](const ErrorKind* kind) { return kind->status == reply.status && kind->code == error_code; });
}

bool is_repeated_header(std::string_view name) {
  return std::any_of(std::begin(kRepeatedHeaders), std::end(kRepeatedHeaders),
                     [&](std::string_view kept) { return ascii_iequals(kept, name); });
}

}  // namespace nexus::idempotency
