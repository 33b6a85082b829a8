#pragma once

namespace nexus::cli {

/// The whole command line of `nexusrag`. Returns the exit code: 0 done, 1 failed, 2 wrong usage or configuration,
/// others as the command documents. Never throws.
int run(int argc, char** argv);

}  // namespace nexus::cli
