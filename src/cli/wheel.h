#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::cli {

/// A file inside a zip archive, and where it goes.
struct WantedFile {
  std::string_view name;  ///< last part of its path in the archive
  std::filesystem::path target;
  std::uint64_t bytes = 0;  ///< how long it must be
};

/// Takes these files out of the archive, nothing else; what is longer or shorter than it should be is refused. Throws
/// Failure; a target may then be left incomplete.
void extract_files(const std::filesystem::path& archive, const std::vector<WantedFile>& files);

/// Runs a program of PATH with this environment and terminal, and waits. Returns its exit code, 127 when it could not
/// be started, 128 + n when signal n ended it.
[[nodiscard]] int run_program(const std::vector<std::string>& arguments);

}  // namespace nexus::cli
