#include "base/version.h"

namespace nexus {

std::string_view version() {
  return NEXUS_VERSION;
}

}  // namespace nexus
