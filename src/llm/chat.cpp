#include "llm/chat.h"

namespace nexus::llm {

std::string_view to_string(Finish finish) {
  switch (finish) {
    case Finish::kStop:
      return "stop";
    case Finish::kLength:
      return "length";
    case Finish::kFiltered:
      return "content_filter";
    case Finish::kStopped:
      return "cancelled";
    case Finish::kUnknown:
      break;
  }
  return "unknown";
}

std::string_view to_string(Failure failure) {
  switch (failure) {
    case Failure::kConfig:
      return "config";
    case Failure::kAuth:
      return "auth";
    case Failure::kLimited:
      return "limited";
    case Failure::kTimeout:
      return "timeout";
    case Failure::kBlocked:
      return "blocked";
    case Failure::kInvalid:
      return "invalid";
    case Failure::kBroken:
      break;
  }
  return "broken";
}

}  // namespace nexus::llm
