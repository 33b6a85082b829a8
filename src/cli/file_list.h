#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::cli {

/// The files that an ingestion takes.
struct FileList {
  std::vector<std::filesystem::path> files;  ///< sorted, each once
  std::size_t skipped = 0;                   ///< files of kinds that are not read, found in folders
};

/// Files as named, folders recursively. Inside folders, hidden entries and files of kinds that are not read are left
/// out, links to folders are not followed. Throws Failure for a path that does not exist or cannot be read.
[[nodiscard]] FileList collect_files(const std::vector<std::filesystem::path>& paths);

/// The id under which a corpus keeps a file, made from its absolute path: ingesting it again replaces the document.
[[nodiscard]] std::string document_id_of(std::string_view corpus, const std::filesystem::path& file);

/// SHA-256 of a file's bytes, lower-case hex. Throws Failure.
[[nodiscard]] std::string file_sha256(const std::filesystem::path& file);

}  // namespace nexus::cli
