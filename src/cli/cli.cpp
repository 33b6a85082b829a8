#include "cli/cli.h"

namespace nexus::cli {
int run(int, char**) { return 0; }
}  // namespace nexus::cli
