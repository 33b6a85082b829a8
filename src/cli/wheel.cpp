#include "cli/wheel.h"

#include "cli/failure.h"

#include <archive.h>
#include <archive_entry.h>

#include <cerrno>
#include <fstream>
#include <memory>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace nexus::cli {
namespace {

struct CloseArchive {
  void operator()(archive* a) const noexcept { archive_read_free(a); }
};

[[noreturn]] void broken(const std::filesystem::path& archive_path, archive* from) {
  const char* reason = archive_error_string(from);
  throw Failure(archive_path.filename().string() + " cannot be unpacked: " + (reason != nullptr ? reason : "unknown"));
}

void copy_out(archive* from, const std::filesystem::path& archive_path, const WantedFile& wanted) {
  std::ofstream out(wanted.target, std::ios::binary | std::ios::trunc);
  std::string piece(64 * 1024, '\0');
  std::uint64_t written = 0;
  for (;;) {
    const la_ssize_t n = archive_read_data(from, piece.data(), piece.size());
    if (n < 0) broken(archive_path, from);
    if (n == 0) break;
    written += static_cast<std::uint64_t>(n);
    if (written > wanted.bytes) break;
    out.write(piece.data(), static_cast<std::streamsize>(n));
  }
  if (!out.flush()) throw Failure(wanted.target.string() + " cannot be written");
  if (written != wanted.bytes) throw Failure(std::string(wanted.name) + " in the package has not the expected size");
}

std::string_view last_part(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

}  // namespace

void extract_files(const std::filesystem::path& archive_path, const std::vector<WantedFile>& files) {
  const std::unique_ptr<archive, CloseArchive> from(archive_read_new());
  if (!from) throw std::bad_alloc();
  archive_read_support_format_zip(from.get());
  if (archive_read_open_filename(from.get(), archive_path.c_str(), 64 * 1024) != ARCHIVE_OK)
    broken(archive_path, from.get());
  std::size_t found = 0;
  archive_entry* entry = nullptr;
  int state = ARCHIVE_OK;
  while ((state = archive_read_next_header(from.get(), &entry)) == ARCHIVE_OK) {
    const char* name = archive_entry_pathname(entry);
    for (const WantedFile& wanted : files) {
      if (name == nullptr || last_part(name) != wanted.name) continue;
      copy_out(from.get(), archive_path, wanted);
      ++found;
    }
  }
  if (state != ARCHIVE_EOF) broken(archive_path, from.get());
  if (found != files.size()) throw Failure("the package does not hold the files of the model");
}

int run_program(const std::vector<std::string>& arguments) {
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_t child = 0;
  if (::posix_spawnp(&child, argv.front(), nullptr, nullptr, argv.data(), environ) != 0) return 127;
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return 127;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace nexus::cli
