#include "embed/model_files.h"

#include "embed/sha256.h"

#include <system_error>

namespace nexus::embed {
namespace {

[[nodiscard]] FileState state_by_size(const std::filesystem::path& dir, const ModelFile& file) {
  std::error_code failed;
  const std::uintmax_t size = std::filesystem::file_size(dir / file.name, failed);
  if (failed) return FileState::kMissing;
  return size == file.bytes ? FileState::kGood : FileState::kWrongSize;
}

}  // namespace

bool is_installed(const std::filesystem::path& dir, const ModelSpec& model) {
  for (const ModelFile& file : model.files)
    if (state_by_size(dir, file) != FileState::kGood) return false;
  return true;
}

std::vector<FileReport> verify(const std::filesystem::path& dir, const ModelSpec& model) {
  std::vector<FileReport> reports;
  for (const ModelFile& file : model.files) {
    FileState state = state_by_size(dir, file);
    if (state == FileState::kGood && to_hex(sha256_file(dir / file.name)) != file.sha256) state = FileState::kWrongSum;
    reports.push_back({file.name, state});
  }
  return reports;
}

}  // namespace nexus::embed
