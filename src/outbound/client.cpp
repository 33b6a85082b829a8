#include "outbound/client.h"

namespace nexus::outbound {

std::string_view to_string(Fault fault) {
  switch (fault) {
    case Fault::kTimeout:
      return "timeout";
    case Fault::kNetwork:
      return "network";
    case Fault::kRefusedAddress:
      return "refused_address";
    case Fault::kBadUrl:
      return "bad_url";
    case Fault::kTooLarge:
      return "too_large";
    case Fault::kBreakerOpen:
      return "breaker_open";
    case Fault::kCancelled:
      return "cancelled";
    case Fault::kBusy:
      return "busy";
  }
  return "network";
}

}  // namespace nexus::outbound
