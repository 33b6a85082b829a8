#include "cli/file_list.h"

#include "base/encoding.h"
#include "cli/failure.h"
#include "crypto/hash.h"
#include "text/extract/kind.h"

#include <algorithm>
#include <fstream>
#include <system_error>

namespace nexus::cli {
namespace {

namespace fs = std::filesystem;

bool is_hidden(const fs::path& path) {
  return path.filename().string().starts_with('.');
}

bool is_readable_kind(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string head(text::extract::kSniffBytes, '\0');
  in.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(in.gcount()));
  return text::extract::detect(file.filename().string(), "application/octet-stream", head).kind.has_value();
}

void walk_folder(const fs::path& folder, FileList& out) {
  std::error_code error;
  fs::recursive_directory_iterator at(folder, error);
  if (error) throw Failure(folder.string() + " cannot be read: " + error.message());
  for (; at != fs::recursive_directory_iterator(); at.increment(error)) {
    const fs::directory_entry& entry = *at;
    if (is_hidden(entry.path())) {
      if (entry.is_directory(error)) at.disable_recursion_pending();
    } else if (entry.is_regular_file(error)) {
      if (is_readable_kind(entry.path())) {
        out.files.push_back(entry.path());
      } else {
        ++out.skipped;
      }
    }
  }
  if (error) throw Failure(folder.string() + " cannot be read to its end: " + error.message());
}

}  // namespace

FileList collect_files(const std::vector<fs::path>& paths) {
  FileList out;
  for (const fs::path& path : paths) {
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (fs::is_directory(status)) {
      walk_folder(path, out);
    } else if (fs::is_regular_file(status)) {
      out.files.push_back(path);
    } else {
      throw Failure(path.string() + (fs::exists(status) ? " is neither a file nor a folder" : " does not exist"));
    }
  }
  std::sort(out.files.begin(), out.files.end());
  out.files.erase(std::unique(out.files.begin(), out.files.end()), out.files.end());
  return out;
}

std::string document_id_of(std::string_view corpus, const fs::path& file) {
  constexpr std::size_t kDigits = 32;
  const std::string path = fs::weakly_canonical(fs::absolute(file)).string();
  // No path holds a zero byte, so no two pairs give the same text.
  return "file-" + crypto::sha256_hex(std::string(corpus).append(1, '\0').append(path)).substr(0, kDigits);
}

std::string file_sha256(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw Failure(file.string() + " cannot be read");
  crypto::Sha256 hash;
  std::string piece(64 * 1024, '\0');
  while (in) {
    in.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    hash.update(std::string_view(piece).substr(0, static_cast<std::size_t>(in.gcount())));
  }
  return hex_encode(hash.finish());
}

}  // namespace nexus::cli
