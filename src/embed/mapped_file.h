// A file mapped read-only into memory: shared between processes, paged in on use.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace nexus::embed {

class MappedFile {
 public:
  // Throws std::system_error when the file cannot be opened or mapped. An empty file gives an empty span.
  explicit MappedFile(const std::filesystem::path& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace nexus::embed
