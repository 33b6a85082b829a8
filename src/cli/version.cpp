#include "cli/version.h"

namespace nexus::cli {

std::string_view version() {
  return NEXUS_VERSION;
}

}  // namespace nexus::cli
