#include "db/code_name.h"

namespace nexus::db {

std::string_view code_name(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kBusy:
      return "busy";
    case ErrorCode::kConstraint:
      return "constraint";
    case ErrorCode::kFull:
      return "full";
    case ErrorCode::kCorrupt:
      return "corrupt";
    case ErrorCode::kOther:
      break;
  }
  return "other";
}

}  // namespace nexus::db
