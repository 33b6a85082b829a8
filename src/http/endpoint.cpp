#include "http/endpoint.h"

#include <string_view>

namespace nexus::http {

std::string_view to_string(RouteClass route_class) {
  switch (route_class) {
    case RouteClass::kNone:
      return "none";
    case RouteClass::kRead:
      return "read";
    case RouteClass::kMutation:
      return "mutation";
    case RouteClass::kOps:
      return "ops";
    case RouteClass::kRun:
      return "run";
  }
  return "none";
}

}  // namespace nexus::http
