#include "embed/model_files.h"

#include "base/encoding.h"
#include "crypto/hash.h"

#include <fstream>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace nexus::embed {
namespace {

[[nodiscard]] FileState state_by_size(const std::filesystem::path& dir, const ModelFile& file) {
  std::error_code failed;
  const std::uintmax_t size = std::filesystem::file_size(dir / file.name, failed);
  if (failed) return FileState::kMissing;
  return size == file.bytes ? FileState::kGood : FileState::kWrongSize;
}

// Lower-case hex; empty when the file cannot be read to its end.
[[nodiscard]] std::string sha256_of(const std::filesystem::path& path) {
  constexpr std::size_t kBlock = std::size_t{1} << 18U;
  std::ifstream file(path, std::ios::binary);
  crypto::Sha256 sum;
  std::vector<char> block(kBlock);
  while (file.read(block.data(), static_cast<std::streamsize>(block.size())) || file.gcount() > 0)
    sum.update(std::string_view(block.data(), static_cast<std::size_t>(file.gcount())));
  return file.eof() ? hex_encode(sum.finish()) : std::string();
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
    if (state == FileState::kGood && sha256_of(dir / file.name) != file.sha256) state = FileState::kWrongSum;
    reports.push_back({file.name, state});
  }
  return reports;
}

}  // namespace nexus::embed
