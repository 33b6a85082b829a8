#include "crypto/keyfile.h"

#include "base/encoding.h"
#include "base/ids.h"

#include <openssl/crypto.h>

#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <stdexcept>
#include <string>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

namespace nexus::crypto {
namespace {

constexpr std::size_t kMaxSecretBytes = std::size_t{64} * 1024;

[[noreturn]] void fail(const std::filesystem::path& path, const char* what) {
  throw std::system_error(errno, std::generic_category(), path.string() + ": " + what);
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }

 private:
  int fd_;
};

/// The text of the file; empty optional when there is none.
std::optional<std::string> read_secret(const std::filesystem::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) {
    if (errno == ENOENT) return std::nullopt;
    fail(path, "cannot be opened");
  }
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) fail(path, "cannot be examined");
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    throw std::runtime_error(path.string() + ": is accessible to others; run chmod 600 on it");
  std::string text(kMaxSecretBytes + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t n = ::read(file.get(), text.data() + size, text.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(path, "cannot be read");
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
  }
  if (size > kMaxSecretBytes) throw std::runtime_error(path.string() + ": is too long for a secret");
  text.resize(size);
  std::string trimmed(ascii_trim(text));
  OPENSSL_cleanse(text.data(), text.size());
  if (trimmed.empty()) throw std::runtime_error(path.string() + ": is empty");
  return trimmed;
}

void sync_folder(const std::filesystem::path& folder) {
  const Descriptor handle(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!handle.is_open() || ::fsync(handle.get()) != 0) fail(folder, "cannot be synced");
}

void write_secret(const std::filesystem::path& path, std::string_view text) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (!file.is_open()) fail(path, "cannot be created");
  while (!text.empty()) {
    const ssize_t n = ::write(file.get(), text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(path, "cannot be written");
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  if (::fsync(file.get()) != 0) fail(path, "cannot be synced");
}

/// Like create_directories, but nobody else may look into what is created.
void make_private_folders(const std::filesystem::path& folder) {
  if (folder.empty() || std::filesystem::is_directory(folder)) return;
  make_private_folders(folder.parent_path());
  if (::mkdir(folder.c_str(), S_IRWXU) != 0 && errno != EEXIST) fail(folder, "cannot be created");
}

std::string random_hex(std::size_t bytes) {
  std::vector<std::byte> raw(bytes);
  random_bytes(raw);
  std::string hex = hex_encode(raw);
  OPENSSL_cleanse(raw.data(), raw.size());
  return hex;
}

/// Removes a temporary file on every way out.
class TemporaryName {
 public:
  explicit TemporaryName(std::filesystem::path path) : path_(std::move(path)) {}
  ~TemporaryName() { ::unlink(path_.c_str()); }
  TemporaryName(const TemporaryName&) = delete;
  TemporaryName& operator=(const TemporaryName&) = delete;
  [[nodiscard]] const std::filesystem::path& get() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace

KeyFile load_or_create_secret(const std::filesystem::path& path, std::size_t bytes) {
  if (auto text = read_secret(path)) return {Secret(std::move(*text)), false};
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  make_private_folders(folder);
  std::string text = random_hex(bytes);
  const TemporaryName temporary(folder / (path.filename().string() + ".new." + uuid4()));
  write_secret(temporary.get(), text);
  // link() refuses to replace: whoever comes second takes what the first one wrote.
  if (::link(temporary.get().c_str(), path.c_str()) != 0) {
    if (errno != EEXIST) fail(path, "cannot be created");
    auto winner = read_secret(path);
    if (!winner) fail(path, "vanished while it was created");
    return {Secret(std::move(*winner)), false};
  }
  sync_folder(folder);
  return {Secret(std::move(text)), true};
}

}  // namespace nexus::crypto
