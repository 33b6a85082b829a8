#pragma once

#include "base/secret.h"

#include <cstddef>
#include <filesystem>

namespace nexus::crypto {

struct KeyFile {
  Secret text;           ///< without surrounding blanks
  bool created = false;  ///< this call wrote the file
};

/// Reads the secret in `path`; when there is no file, creates it with `bytes` random bytes as hex, mode 0600, in
/// folders of mode 0700. The file appears whole or not at all and is on the disk when this returns; of several
/// processes that race, all return the text of the one that won. Throws std::system_error, or std::runtime_error for a
/// file that is empty, over 64 KiB or readable by others.
[[nodiscard]] KeyFile load_or_create_secret(const std::filesystem::path& path, std::size_t bytes = 32);

}  // namespace nexus::crypto
