#pragma once

#include "cli/backend.h"

#include <memory>
#include <string>

namespace nexus::cli {

/// Works on the database in this process, as an administrator of `tenant`. Jobs run here until the backend is
/// destroyed. Throws what Session throws.
[[nodiscard]] std::unique_ptr<Backend> make_embedded_backend(const Globals& globals, const std::string& tenant);

}  // namespace nexus::cli
