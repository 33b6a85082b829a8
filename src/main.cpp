#include "cli/cli.h"
#include "text/extract/extract.h"

#include <string_view>

int main(int argc, char** argv) {
  // A child that reads a foreign document has to confine itself before anything else exists.
  if (argc > 1 && std::string_view(argv[1]) == nexus::text::extract::kChildCommand)
    return nexus::text::extract::extract_child_main(argc, argv);
  return nexus::cli::run(argc, argv);
}
